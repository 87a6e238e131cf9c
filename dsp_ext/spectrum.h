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

#endif
