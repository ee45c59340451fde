/* SPDX-License-Identifier: MIT */
#include "jobs/launch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

/* In the grandchild. Nothing that the starter had open is kept: no terminal, no connection. */
static void become_worker(const char *conninfo, int64_t id)
{
    char digits[32];
    int nowhere = open("/dev/null", O_RDWR);
    snprintf(digits, sizeof(digits), "%lld", (long long)id);
    if (conninfo)
        setenv("PARE_DB", conninfo, 1);
    for (int fd = 0; fd <= 2 && nowhere >= 0; fd++)
        dup2(nowhere, fd);
    close_range(3, ~0U, 0);
    if (id)
        execl("/proc/self/exe", "pare", "worker", "--job", digits, (char *)NULL);
    else
        execl("/proc/self/exe", "pare", "worker", "--once", (char *)NULL);
    _exit(127);
}

bool launch_worker(const char *conninfo, int64_t id, struct pare_error *err)
{
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        return error_errno(err, "cannot start a worker");
    if (child == 0) {
        setsid();
        if (fork() == 0)
            become_worker(conninfo, id);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    return true;
}
