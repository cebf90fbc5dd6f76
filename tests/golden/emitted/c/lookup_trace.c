/* lookup: the step function, one block of code for each line of the IR or each group of lines that share a loop.
 *
 * Above each block stand its lines of the IR, whose names the variables have; _i is one element, _re and _im are the
 * parts of a complex one. Widths of variables, clamps and shifts follow from intervals that the compiler has proven.
 */
#include "lookup.h"

#include <string.h>

#include "qssm_kernels.h"
#include "lookup_tables.h"
#include "lookup_trace.h" /* this file is lookup.c with such statements between its lines */

void lookup_init(lookup_state *s)
{
    memset(s, 0, sizeof *s);
}

void lookup_reset(lookup_state *s)
{
    s->stateless = 0;
}

void lookup_step(lookup_state *restrict s, const int8_t *restrict sample, int8_t *restrict out)
{
    (void)s;

    /* %u : i3[2] = input from "input" */
    int8_t u[2];
    for (int i = 0; i < 2; i++) {
        u[i] = (int8_t)qssm_clamp_i16(sample[i], -4, 3);
    }
    QSSM_TRACE_COPY(0, u, 2);

    /* %squares : i5[2] = lut %u entries=@squares.entries first=-4 from "squares" */
    int8_t squares[2];
    for (int i = 0; i < 2; i++) {
        squares[i] = lookup_squares_entries[u[i] + 4];
    }
    QSSM_TRACE_COPY(2, squares, 2);

    /* output y = %squares */
    for (int i = 0; i < 2; i++) {
        out[i] = squares[i];
    }
}
