/* number.h -- decimal numbers as text, with a point whatever the locale of the process says. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

/* Reads a number as strtod does in the "C" locale.  *end is what follows it; text itself if there is none. */
double number_read(const char *text, char **end);

/* Writes a finite number with the fewest significant digits, at least `digits` (1..17), that read back
 * as the same number.  15 always survive the way into a double, 17 the way out of one. */
void number_write(char out[40], double x, int digits);

#endif
