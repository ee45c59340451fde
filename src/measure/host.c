/* SPDX-License-Identifier: MIT */
#include "measure/host.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

/* The value of the first line of /proc/cpuinfo with that key, "key<blanks>: value". */
static bool find_line(const char *text, const char *key, char *to, size_t room)
{
    const char *line = strstr(text, key);
    const char *colon = line ? strchr(line, ':') : NULL;
    if (!colon || strcspn(line, "\n") < (size_t)(colon - line))
        return false;
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    return text_clean(value, strcspn(value, "\n"), to, room) > 0;
}

void host_cpu(char *to, size_t room)
{
    char text[4096];
    struct utsname names;
    CLEANUP(file_close) int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    text[MAX(n, 0)] = '\0';
    if (find_line(text, "model name", to, room) || find_line(text, "Model", to, room))
        return;
    const char *machine = uname(&names) == 0 ? names.machine : "unknown";
    text_clean(machine, strlen(machine), to, room);
}

int host_cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? MAX(CPU_COUNT(&set), 1) : 1;
}
