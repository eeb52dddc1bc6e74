# MariaDB, RabbitMQ and the services that answer the API. They run as root: it
# is nova-compute that must not (host.sh, compute.sh).
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share their variables

# In the order in which they are to be stopped.
control_daemons=(nova-scheduler nova-conductor nova-api volumes neutron glance
    placement keystone rabbitmq epmd mariadb)

# --- what they stand on ------------------------------------------------------

start_mariadb() {
    if [ ! -d "$state/mariadb/mysql" ]; then
        mariadb-install-db --no-defaults --user=root --datadir="$state/mariadb" \
            --auth-root-authentication-method=socket --skip-test-db \
            >> "$log/mariadb.log" 2>&1 || die "no database; see $log/mariadb.log"
    fi
    # What this machine loses in a power cut nobody will miss.
    start mariadb mariadbd --no-defaults --user=root --datadir="$state/mariadb" \
        --socket="$run/mariadb.sock" --pid-file="$run/mariadbd.pid" \
        --bind-address="$address" --port="$port_mariadb" --max-connections=400 \
        --skip-log-bin --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 \
        --skip-name-resolve --character-set-server=utf8mb4
}

# sql OPTION...: with none, statements come by a pipe.
sql() { mariadb --no-defaults -u root -S "$run/mariadb.sock" "$@"; }

# A node, an epmd and directories of its own, beside any other RabbitMQ.
start_rabbitmq() {
    mkdir -p "$state/rabbitmq"
    cat > "$etc/rabbit/rabbitmq.conf" << 'END'
loopback_users = none
log.console = false
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 100MB
END
    echo '[].' > "$etc/rabbit/plugins"
    start epmd env ERL_EPMD_PORT="$port_epmd" epmd -address "$address"
    # Not Debian's wrapper in /usr/sbin, which changes to user rabbitmq.
    start rabbitmq env HOME="$state/rabbitmq" LC_ALL=C.UTF-8 \
        ERL_EPMD_ADDRESS="$address" ERL_EPMD_PORT="$port_epmd" \
        RABBITMQ_NODENAME=snapdriver@localhost RABBITMQ_DIST_PORT="$port_rabbit_cluster" \
        RABBITMQ_NODE_IP_ADDRESS="$address" RABBITMQ_NODE_PORT="$port_rabbit" \
        RABBITMQ_MNESIA_BASE="$state/rabbitmq/mnesia" RABBITMQ_LOG_BASE="$log" \
        RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE="$etc/rabbit/rabbitmq" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$etc/rabbit/plugins" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
        /usr/lib/rabbitmq/bin/rabbitmq-server
}

# --- databases ---------------------------------------------------------------

database() { echo "mysql+pymysql://nova:$password@$address:$port_mariadb/$1"; }

create_databases() {
    local name user
    for name in keystone glance placement neutron nova nova_api nova_cell0; do
        user=${name%%_*}
        echo "create database if not exists $name character set utf8mb3;"
        echo "create user if not exists '$user'@'%' identified by '$password';"
        echo "grant all on $name.* to '$user'@'%';"
    done | sql --batch
}

fill_keystone() {
    local manage=("$stack_venv/bin/keystone-manage" --config-file "$etc/keystone/keystone.conf")
    mkdir -p "$etc/keystone"/{fernet-keys,credential-keys}
    "${manage[@]}" db_sync &&
        "${manage[@]}" fernet_setup --keystone-user root --keystone-group root &&
        "${manage[@]}" credential_setup --keystone-user root --keystone-group root &&
        "${manage[@]}" bootstrap --bootstrap-password "$password" \
            --bootstrap-region-id RegionOne --bootstrap-admin-url "$auth_url" \
            --bootstrap-public-url "$auth_url" --bootstrap-internal-url "$auth_url"
}

fill_nova() {
    local manage=("$stack_venv/bin/nova-manage" --config-file "$etc/nova/nova.conf")
    "${manage[@]}" api_db sync &&
        "${manage[@]}" cell_v2 map_cell0 --database_connection "$(database nova_cell0)" &&
        { "${manage[@]}" cell_v2 list_cells | grep -q ' cell1 ' ||
            "${manage[@]}" cell_v2 create_cell --name cell1; } &&
        "${manage[@]}" db sync
}

fill_others() {
    "$stack_venv/bin/glance-manage" --config-file "$etc/glance/glance-api.conf" db_sync &&
        "$stack_venv/bin/placement-manage" --config-file "$etc/placement/placement.conf" db sync &&
        "$stack_venv/bin/neutron-db-manage" --config-file "$etc/neutron/neutron.conf" upgrade heads
}

# --- services ----------------------------------------------------------------

wsgi() { # NAME PORT MODULE ENVIRONMENT...
    local name=$1 port=$2 module=$3
    shift 3
    start "$name" env "$@" "$stack_venv/bin/uwsgi" --home "$stack_venv" \
        --http-socket "$address:$port" --module "$module:application" \
        --master --die-on-term --need-app --processes 1 --threads 8 --enable-threads \
        --lazy-apps --thunder-lock --buffer-size 65535 \
        --http-chunked-input --chunked-input-limit 1073741824 --chunked-input-timeout 120 \
        --http-timeout 600 --socket-timeout 600 --add-header 'Connection: close' \
        --disable-logging
}

start_api() { # NAME
    case $1 in
        keystone) wsgi keystone "$port_keystone" keystone.wsgi.api OS_KEYSTONE_CONFIG_DIR="$etc/keystone" ;;
        placement) wsgi placement "$port_placement" placement.wsgi.api OS_PLACEMENT_CONFIG_DIR="$etc/placement" ;;
        glance) wsgi glance "$port_glance" glance.wsgi.api OS_GLANCE_CONFIG_DIR="$etc/glance" ;;
        neutron) wsgi neutron "$port_neutron" neutron.wsgi.api OS_NEUTRON_CONFIG_DIR="$etc/neutron" OS_NEUTRON_CONFIG_FILES=neutron.conf ;;
        volumes) wsgi volumes "$port_volumes" volumes PYTHONPATH="$parts" VOLUMES="$state/volumes" ;;
        nova-api) wsgi nova-api "$port_nova" nova.wsgi.osapi_compute OS_NOVA_CONFIG_DIR="$etc/nova" ;;
    esac
}

# drop_devices: those of the volumes are the kernel's and end with no daemon.
drop_devices() {
    local file
    for file in "$state"/volumes/*-*; do
        losetup --noheadings --output NAME --associated "$file" 2> /dev/null |
            xargs -r losetup --detach
    done
}

write_configuration() {
    render keystone.conf "$etc/keystone/keystone.conf"
    render glance-api.conf "$etc/glance/glance-api.conf"
    render placement.conf "$etc/placement/placement.conf"
    render neutron.conf "$etc/neutron/neutron.conf"
    render nova.conf "$etc/nova/nova.conf"
    # nova-api looks for it beside nova.conf and nowhere else.
    cp "$stack_venv/etc/nova/api-paste.ini" "$etc/nova/"
    render clouds.yaml "$state/clouds.yaml"
}

# in_parallel FUNCTION...: the log of each is $log/FUNCTION.log.
in_parallel() {
    local function failed="" job
    local -A jobs=()
    for function; do
        "$function" > "$log/$function.log" 2>&1 &
        jobs[$function]=$!
    done
    for function in "${!jobs[@]}"; do
        job=${jobs[$function]}
        wait "$job" || failed=$log/$function.log
    done
    [ -z "$failed" ] || die "no databases; see $failed"
}

make_identity() {
    (clients admin && "$stack_venv/bin/python" "$parts/identity.py" "$password" \
        image="http://$address:$port_glance" \
        placement="http://$address:$port_placement" \
        compute="http://$address:$port_nova/v2.1" \
        network="http://$address:$port_neutron" \
        block-storage="http://$address:$port_volumes/v3") || die "no users and endpoints"
}

start_control() {
    write_configuration
    start_mariadb
    start_rabbitmq
    wait_for 60 mariadb sql -e 'select 1'
    if [ ! -e "$state/databases.done" ]; then
        say "making the databases"
        create_databases
        in_parallel fill_keystone fill_nova fill_others
        touch "$state/databases.done"
    fi
    say "starting the services"
    start_api keystone
    start_api placement
    start_api glance
    start_api neutron
    start_api volumes
    wait_for 90 rabbitmq listens "$port_rabbit"
    wait_for 90 keystone answers "$port_keystone"
    once "$state/identity.done" "$(checksum "$parts/identity.py")" make_identity
    # These log in at once.
    start_api nova-api
    start nova-conductor "$stack_venv/bin/nova-conductor" --config-file "$etc/nova/nova.conf"
    start nova-scheduler "$stack_venv/bin/nova-scheduler" --config-file "$etc/nova/nova.conf"
    wait_for 90 placement answers "$port_placement"
    wait_for 90 glance answers "$port_glance"
    wait_for 90 neutron answers "$port_neutron"
    wait_for 90 volumes answers "$port_volumes"
    wait_for 90 nova-api answers "$port_nova"
}
