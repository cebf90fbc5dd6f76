// lookup: the type of every value, and of every accumulator (_acc_t), as narrow as the range proof allows.
#ifndef LOOKUP_TYPES_H
#define LOOKUP_TYPES_H

#include <ap_int.h>

namespace lookup_design {

// %u : i3[2] = input from "input"
typedef ap_int<3> u_t;
typedef ap_int<3> u_acc_t;
// %squares : i5[2] = lut %u entries=@squares.entries first=-4 from "squares"
typedef ap_int<5> squares_t;
typedef ap_int<5> squares_acc_t;

} // namespace lookup_design

#endif
