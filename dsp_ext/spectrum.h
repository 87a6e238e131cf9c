/* Steps of the transforms in dsp_ext/spectrum.pyx, eight side by side. */
#ifndef RADOME_SPECTRUM_H
#define RADOME_SPECTRUM_H
#include "simd.h"

/* second turned by c + j s; then sum and difference of the first and it */
static inline void radome_butterfly(float *re0, float *im0, float *re1, float *im1, float c, float s) {
    const radome_v8 x = RADOME_V8(re1) * c - RADOME_V8(im1) * s, y = RADOME_V8(re1) * s + RADOME_V8(im1) * c;
    const radome_v8 re = RADOME_V8(re0), im = RADOME_V8(im0);
    RADOME_V8(re1) = re - x;
    RADOME_V8(im1) = im - y;
    RADOME_V8(re0) = re + x;
    RADOME_V8(im0) = im + y;
}

static inline void radome_power(const float *re, const float *im, float *sums) {
    RADOME_V8(sums) += RADOME_V8(re) * RADOME_V8(re) + RADOME_V8(im) * RADOME_V8(im);
}

/* Natural logarithms in place, of what is no less than 1.2e-38: with x = 2^e (1 + m), M. Abramowitz, I. A. Stegun, Handbook
   of Mathematical Functions, 1964, 4.1.44 for ln(1 + m); error below 1e-7 and the rounding of the sum. What is no number
   gives some finite one. */
static inline void radome_log(float *x) {
    for (int k = 0; k < 8; k++) {
        int32_t bits, one;
        float m, y;
        memcpy(&bits, x + k, 4);
        one = (bits & 0x7fffff) | 0x3f800000;
        memcpy(&m, &one, 4);
        m -= 1;
        y = -.0064535442f;
        y = y * m + .0360884937f;
        y = y * m - .0953293897f;
        y = y * m + .1676540711f;
        y = y * m - .2407338084f;
        y = y * m + .3317990258f;
        y = y * m - .4998741238f;
        y = y * m + .9999964239f;
        x[k] = y * m + (float)((bits >> 23) - 127) * .6931471806f;
    }
}

#endif
