/* Gradient flow as a function of the inverted kernel's eigenvalues ([KR-40]). */
#ifndef ENTK_REGRESS_FLOW_H
#define ENTK_REGRESS_FLOW_H

#include <stddef.h>

/* weights[k] = f(t) = (1 - exp(-t w / N)) / w at w = values[k] + shift, for `n` ascending values; N = n * outputs, t may be INFINITY. */
void entk_flow_weights(const double *values, double shift, size_t n, size_t outputs, double time, double *weights);

#endif
