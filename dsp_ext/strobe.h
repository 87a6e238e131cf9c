/* Sums of dsp_ext/strobe.pyx, four at a time. */
#ifndef RADOME_STROBE_H
#define RADOME_STROBE_H
#include "simd.h"

/* Sums of x[i]*h[i] over the even i and over the odd ones, for four x and h of n floats, n a multiple of RADOME_LANES. One
   chain of additions each: the four fill the time that an addition takes. */
static inline void radome_strobe(const float *const *x, const float *const *h, ptrdiff_t n, float *y) {
    const float *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3], *h0 = h[0], *h1 = h[1], *h2 = h[2], *h3 = h[3];
    radome_vf a = {0}, b = {0}, c = {0}, d = {0};
    for (ptrdiff_t i = 0; i < n; i += RADOME_LANES) {
        a = RADOME_ADD(a, radome_load(x0 + i), radome_load(h0 + i));
        b = RADOME_ADD(b, radome_load(x1 + i), radome_load(h1 + i));
        c = RADOME_ADD(c, radome_load(x2 + i), radome_load(h2 + i));
        d = RADOME_ADD(d, radome_load(x3 + i), radome_load(h3 + i));
    }
    radome_folds(a, b, c, d, 1, y);
}
#endif
