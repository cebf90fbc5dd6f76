// lookup: the constant tables, each in the narrowest type that holds it.
#ifndef LOOKUP_TABLES_H
#define LOOKUP_TABLES_H

#include <ap_int.h>

namespace lookup_design {

static const ap_int<5> table_squares_entries[8] = {
    11, 4, -1, -4, -5, -4, -1, 4,
};

} // namespace lookup_design

#endif
