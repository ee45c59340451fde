/* SPDX-License-Identifier: MIT */
#include "cli/where.h"

#include <stdlib.h>

#include "base/base.h"

const char *where_conninfo(const char *db)
{
    static const char *const libpq[] = { "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE",
                                         "PGSERVICE" };
    if (!db)
        db = getenv("PARE_DB");
    if (db && *db)
        return db;
    for (size_t i = 0; i < ARRAY_SIZE(libpq); i++)
        if (getenv(libpq[i]) && *getenv(libpq[i]))
            return "";
    return NULL;
}
