/* Constant tables of lookup, in the order in which lookup.c reads them.
 *
 * 8 bytes; more on machines with wide registers, for which QSSM_TABLE(narrow, wide) chooses the wide type.
 */
#ifndef LOOKUP_TABLES_H
#define LOOKUP_TABLES_H

#include <stdint.h>

/* %squares: results, from the smallest input on */
static const int8_t lookup_squares_entries[8] = {
    11, 4, -1, -4, -5, -4, -1, 4,
};

#endif
