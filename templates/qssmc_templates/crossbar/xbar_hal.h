/* HAL: the two functions through which the host uses its arrays. xbar_sim.c has them in software; a board has its own.
 *
 * A read is one row drive of one array; its number is its place in map.json, counted over all arrays. In a step the
 * host calls the two functions in turn, once for each read, and once more for some after the last sample.
 */
#ifndef XBAR_HAL_H
#define XBAR_HAL_H

#include <stdint.h>

/* Convert count codes, in the order of the read's rows, to voltages; every other row of the array stays at 0 V. */
void xbar_write_rows(int read, const int32_t *codes, int count);

/* Read count columns, in the order of the read's columns, in units of one level times one step of the DAC.
 *
 * An ADC of step 2^shift gives its code times 2^shift. Where map.json says "dithered", its threshold is moved by the
 * phase of this step; an ADC without that gives finer codes, and the host rounds them with the phase itself. */
void xbar_read_columns(int read, int32_t *readings, int count);

#endif
