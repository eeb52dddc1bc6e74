/*
 * PID 1 of the test guest.
 *
 * The guest writes an ever growing number to its disks and tells everything on
 * the first serial port, one line at a time, so that a test can say exactly
 * what an operation lost, and for how long it stopped the guest.
 *
 * At boot:
 *     FOUND vda tick 17 mark hello     what each disk held ("none": nothing)
 *     READY
 *     T 18                             a number that is on the disks now
 *
 * It takes these lines (DEV is vda, vdb, ...) and answers each with one:
 *     mark DEV TEXT               MARKED DEV TEXT
 *     seen DEV                    SEEN DEV tick N mark TEXT
 *     fill DEV OFFMB NMB SEED     FILLED NMB       (from 2 MiB on: see LABEL)
 *     sum DEV OFFMB NMB           SUM <hash>
 *     tickms N                    TICKMS N
 *     frozen                      FROZEN yes|no    (guest with an agent only)
 *     agent stop|cont|hang|free   AGENT <the same> (guest with an agent only)
 *     off                         POWER-OFF
 * or with "FAILED <why>". It powers off on the ACPI power button, too.
 *
 * Kernel command line: disks=vda,vdb,... (those to wait for), ticks=vda,...
 * (those to write the number to), tickms=N.
 *
 * If the initrd holds qemu-ga, vda is an ext4 file system and a file on it
 * takes the place of the raw disk. "agent hang" lets the agent answer
 * everything but a freeze; "agent stop" stops it altogether.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/input.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SECTOR 512
#define MIB (1 << 20)
#define LABEL (2048 * SECTOR) /* on a raw disk: the tick; the mark is one sector on */
#define AGENT "/usr/sbin/qemu-ga"
#define HOOK "/freeze-hook" /* a link to this program */
#define HANG "/run/hang"    /* while this exists, the hook does not return */
#define STORE "/mnt/store"  /* made by the host, with all its blocks in place */

struct label {
    long tick; /* -1: none */
    char mark[64];
};

static int serial;
static int on_filesystem;
static pid_t agent;
static char tick_disks[64];

static pthread_mutex_t tick_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t tick_changed = PTHREAD_COND_INITIALIZER;
static long tick_ms = 1000;

/* One write for one line: the ticker and the main thread both use it. */
static void say(const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (n > (int)sizeof line - 2)
        n = sizeof line - 2;
    line[n++] = '\n';
    if (write(serial, line, n) != n)
        return; /* nobody to tell */
}

static void failed(void)
{
    say("FAILED %s", strerror(errno));
}

/* O_DIRECT wants aligned memory. */
static void *buffer(size_t size)
{
    void *memory = NULL;
    if (posix_memalign(&memory, 4096, size))
        abort();
    return memset(memory, 0, size);
}

static int is_file(const char *disk)
{
    return on_filesystem && !strcmp(disk, "vda");
}

static off_t label_at(const char *disk)
{
    return is_file(disk) ? 0 : LABEL;
}

static int open_disk(const char *disk, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/dev/%s", disk);
    return open(is_file(disk) ? STORE : path, flags | O_DIRECT | O_CLOEXEC);
}

/* Write one sector of text; errno says why it failed. */
static int put(const char *disk, off_t where, const char *text)
{
    int fd = open_disk(disk, O_WRONLY | O_DSYNC);
    if (fd < 0)
        return -1;
    char *sector = buffer(SECTOR);
    snprintf(sector, SECTOR, "%s", text);
    ssize_t n = pwrite(fd, sector, SECTOR, where);
    int error = n < 0 ? errno : EIO;
    free(sector);
    close(fd);
    errno = error;
    return n == SECTOR ? 0 : -1;
}

static int read_label(const char *disk, struct label *label)
{
    int fd = open_disk(disk, O_RDONLY);
    if (fd < 0)
        return -1;
    char *sectors = buffer(2 * SECTOR);
    ssize_t n = pread(fd, sectors, 2 * SECTOR, label_at(disk));
    int error = n < 0 ? errno : EIO;
    if (sscanf(sectors, "tick %ld", &label->tick) != 1)
        label->tick = -1;
    if (sscanf(sectors + SECTOR, "mark %63s", label->mark) != 1)
        strcpy(label->mark, "none");
    free(sectors);
    close(fd);
    errno = error;
    return n == 2 * SECTOR ? 0 : -1;
}

static void tell_label(const char *word, const char *disk)
{
    struct label label;
    char tick[24] = "none";
    if (read_label(disk, &label)) {
        failed();
        return;
    }
    if (label.tick >= 0)
        snprintf(tick, sizeof tick, "%ld", label.tick);
    say("%s %s tick %s mark %s", word, disk, tick, label.mark);
}

static void mark(const char *disk, const char *text)
{
    char line[80];
    snprintf(line, sizeof line, "mark %s\n", text);
    if (put(disk, label_at(disk) + SECTOR, line))
        failed();
    else
        say("MARKED %s %s", disk, text);
}

static void fill(const char *disk, long offset, long count, uint32_t seed)
{
    int fd = open_disk(disk, O_WRONLY);
    if (fd < 0) {
        failed();
        return;
    }
    uint32_t *block = buffer(MIB);
    long i;
    for (size_t word = 0; word < MIB / sizeof *block; word++)
        block[word] = seed = seed * 1664525u + 1013904223u;
    for (i = 0; i < count; i++) {
        block[0] = i; /* no two blocks are the same */
        if (pwrite(fd, block, MIB, (off_t)(offset + i) * MIB) != MIB)
            break;
    }
    if (i < count || fsync(fd))
        failed();
    else
        say("FILLED %ld", i);
    free(block);
    close(fd);
}

static void sum(const char *disk, long offset, long count)
{
    int fd = open_disk(disk, O_RDONLY);
    if (fd < 0) {
        failed();
        return;
    }
    uint64_t *block = buffer(MIB), hash = 14695981039346656037u;
    long i;
    for (i = 0; i < count; i++) {
        if (pread(fd, block, MIB, (off_t)(offset + i) * MIB) != MIB)
            break;
        for (size_t word = 0; word < MIB / sizeof *block; word++)
            hash = (hash ^ block[word]) * 1099511628211u;
    }
    if (i < count)
        failed();
    else
        say("SUM %016lx", (unsigned long)hash);
    free(block);
    close(fd);
}

/* Write the next number to every disk that counts, then tell it. */
static void *ticker(void *unused)
{
    (void)unused;
    struct label label = {0};
    char first[8], line[32];
    sscanf(tick_disks, "%7[^,]", first);
    long n = read_label(first, &label) || label.tick < 0 ? 0 : label.tick;
    for (;;) {
        char disks[sizeof tick_disks], *rest = disks, *disk;
        int error = 0;
        strcpy(disks, tick_disks);
        snprintf(line, sizeof line, "tick %08ld\n", ++n);
        while ((disk = strsep(&rest, ",")))
            if (put(disk, label_at(disk), line))
                error = errno;
        if (error)
            say("TICK-FAILED %ld %s", n, strerror(error));
        else
            say("T %ld", n);

        struct timespec end;
        pthread_mutex_lock(&tick_lock);
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_nsec += tick_ms % 1000 * 1000000;
        end.tv_sec += tick_ms / 1000 + end.tv_nsec / 1000000000;
        end.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&tick_changed, &tick_lock, &end);
        pthread_mutex_unlock(&tick_lock);
    }
    return NULL;
}

static void set_tick_ms(long value)
{
    pthread_mutex_lock(&tick_lock);
    tick_ms = value;
    pthread_cond_signal(&tick_changed);
    pthread_mutex_unlock(&tick_lock);
    say("TICKMS %ld", value);
}

/* Everything that counts was written with O_DSYNC, so there is nothing to
 * flush; and sync() would wait for ever on a frozen file system. */
static void power_off(void)
{
    say("POWER-OFF");
    tcdrain(serial);
    reboot(RB_POWER_OFF);
}

static volatile pid_t prober;
static volatile int probed;

static void *probe(void *unused)
{
    (void)unused;
    prober = gettid();
    probed = put("vda", 2 * SECTOR, "probe\n") ? errno : -1;
    return NULL;
}

/* Try to write, in a thread that may wait: the kernel tells if it does for a
 * frozen file system. (FIFREEZE would tell, too, but it would freeze.) */
static void tell_frozen(void)
{
    char path[48], waits_for[64] = "";
    pthread_t thread;
    if (!on_filesystem) {
        say("FAILED no file system");
        return;
    }
    prober = probed = 0;
    pthread_create(&thread, NULL, probe, NULL);
    pthread_detach(thread);
    while (!probed && !strstr(waits_for, "percpu_rwsem")) {
        usleep(5000);
        snprintf(path, sizeof path, "/proc/self/task/%d/wchan", prober);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, waits_for, sizeof waits_for - 1);
        waits_for[n > 0 ? n : 0] = 0;
        close(fd);
    }
    say(probed ? "FROZEN no" : "FROZEN yes");
}

static void command_agent(const char *what)
{
    if (!agent) {
        say("FAILED no agent");
        return;
    }
    if (!strcmp(what, "stop"))
        kill(agent, SIGSTOP);
    else if (!strcmp(what, "cont"))
        kill(agent, SIGCONT);
    else if (!strcmp(what, "hang"))
        close(open(HANG, O_CREAT | O_WRONLY, 0600));
    else if (!strcmp(what, "free"))
        unlink(HANG);
    else {
        say("FAILED agent %s", what);
        return;
    }
    say("AGENT %s", what);
}

static void command(const char *line)
{
    char disk[8], text[64];
    long offset, count;
    unsigned seed;
    if (sscanf(line, "mark %7s %63s", disk, text) == 2)
        mark(disk, text);
    else if (sscanf(line, "seen %7s", disk) == 1)
        tell_label("SEEN", disk);
    else if (sscanf(line, "fill %7s %ld %ld %u", disk, &offset, &count, &seed) == 4)
        fill(disk, offset, count, seed);
    else if (sscanf(line, "sum %7s %ld %ld", disk, &offset, &count) == 3)
        sum(disk, offset, count);
    else if (sscanf(line, "tickms %ld", &count) == 1)
        set_tick_ms(count);
    else if (sscanf(line, "agent %63s", text) == 1)
        command_agent(text);
    else if (!strcmp(line, "frozen"))
        tell_frozen();
    else if (!strcmp(line, "off"))
        power_off();
    else
        say("FAILED unknown: %s", line);
}

/* Poll for a file that the kernel makes when it has found a device. */
static void await_file(const char *pattern, char *path, size_t size)
{
    for (int i = 0; i < 1000; i++) {
        glob_t found;
        if (!glob(pattern, 0, NULL, &found)) {
            snprintf(path, size, "%s", found.gl_pathv[0]);
            globfree(&found);
            return;
        }
        usleep(10000);
    }
    say("FAILED no %s", pattern);
    power_off();
}

static void load_modules(void)
{
    struct dirent **names;
    int count = scandir("/modules", &names, NULL, alphasort); /* 00-..., 01-... */
    for (int i = 0; i < count; i++) {
        char path[300];
        if (names[i]->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/modules/%s", names[i]->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (syscall(SYS_finit_module, fd, "", 0))
            say("FAILED %s: %s", path, strerror(errno));
        close(fd);
    }
}

static void start_agent(void)
{
    char port[64];
    if (mount("/dev/vda", "/mnt", "ext4", 0, NULL)) {
        failed();
        power_off();
    }
    on_filesystem = 1;
    await_file("/dev/vport*p*", port, sizeof port);
    agent = fork();
    if (!agent) {
        execl(AGENT, AGENT, "-m", "virtio-serial", "-p", port, "-t", "/run",
              "-l", "/run/agent.log", "-F" HOOK, NULL);
        _exit(127);
    }
}

/* qemu-ga runs this before it freezes and after it has thawed. */
static int freeze_hook(const char *moment)
{
    while (!strcmp(moment, "freeze") && !access(HANG, F_OK))
        usleep(20000);
    return 0;
}

/* The value of NAME= on the kernel command line. */
static void parameter(const char *name, const char *otherwise, char *value, size_t size)
{
    char line[1024] = "", *rest = line, *word;
    size_t length = strlen(name);
    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    if (read(fd, line, sizeof line - 1) < 0)
        line[0] = 0;
    close(fd);
    snprintf(value, size, "%s", otherwise);
    while ((word = strsep(&rest, " \n")))
        if (!strncmp(word, name, length) && word[length] == '=')
            snprintf(value, size, "%s", word + length + 1);
}

static void open_serial(void)
{
    struct termios settings;
    serial = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_CLOEXEC);
    tcgetattr(serial, &settings);
    cfmakeraw(&settings);
    settings.c_cc[VMIN] = 1;
    tcsetattr(serial, TCSANOW, &settings);
}

static void read_serial(void)
{
    static char line[256];
    static size_t used;
    char c;
    if (read(serial, &c, 1) != 1)
        return;
    if (c != '\n') {
        if (used < sizeof line - 1)
            line[used++] = c;
        return;
    }
    line[used] = 0;
    used = 0;
    if (*line)
        command(line);
}

static void read_button(int fd)
{
    struct input_event event;
    if (read(fd, &event, sizeof event) == sizeof event && event.type == EV_KEY &&
        event.code == KEY_POWER && event.value)
        power_off();
}

static void serve(void)
{
    struct pollfd inputs[8] = {{.fd = serial, .events = POLLIN}};
    nfds_t count = 1;
    glob_t found;
    if (!glob("/dev/input/event*", 0, NULL, &found))
        for (size_t i = 0; i < found.gl_pathc && count < 8; i++) {
            inputs[count].fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);
            inputs[count++].events = POLLIN;
        }
    for (;;) {
        poll(inputs, count, 1000);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ; /* PID 1 inherits orphans */
        if (inputs[0].revents)
            read_serial();
        for (nfds_t i = 1; i < count; i++)
            if (inputs[i].revents)
                read_button(inputs[i].fd);
    }
}

int main(int argc, char **argv)
{
    char disks[64], ms[16], path[64], *rest = disks, *disk;
    pthread_t thread;

    if (argc > 1 && !strcmp(argv[0], HOOK))
        return freeze_hook(argv[1]);
    if (getpid() != 1)
        return 0; /* hwclock: there is no other clock to set */

    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    open_serial();
    load_modules();
    parameter("disks", "vda", disks, sizeof disks);
    parameter("ticks", "vda", tick_disks, sizeof tick_disks);
    parameter("tickms", "1000", ms, sizeof ms);
    tick_ms = atol(ms);

    int first = 1;
    while ((disk = strsep(&rest, ","))) {
        char device[24];
        snprintf(device, sizeof device, "/dev/%.7s", disk);
        await_file(device, path, sizeof path);
        if (first && !access(AGENT, X_OK))
            start_agent();
        first = 0;
        tell_label("FOUND", disk);
    }
    say("READY");
    pthread_create(&thread, NULL, ticker, NULL);
    serve();
}
