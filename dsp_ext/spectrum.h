/* Steps of the transforms in dsp_ext/spectrum.pyx, eight side by side. */
#ifndef RADOME_SPECTRUM_H
#define RADOME_SPECTRUM_H

typedef float radome_s8 __attribute__((vector_size(32), aligned(4), may_alias));
#define RADOME_S8(p) (*(radome_s8 *)(p))

/* second turned by c + j s; then sum and difference of the first and it */
static inline void radome_butterfly(float *re0, float *im0, float *re1, float *im1, float c, float s) {
    const radome_s8 x = RADOME_S8(re1) * c - RADOME_S8(im1) * s, y = RADOME_S8(re1) * s + RADOME_S8(im1) * c;
    const radome_s8 re = RADOME_S8(re0), im = RADOME_S8(im0);
    RADOME_S8(re1) = re - x;
    RADOME_S8(im1) = im - y;
    RADOME_S8(re0) = re + x;
    RADOME_S8(im0) = im + y;
}

static inline void radome_power(const float *re, const float *im, float *sums) {
    RADOME_S8(sums) += RADOME_S8(re) * RADOME_S8(re) + RADOME_S8(im) * RADOME_S8(im);
}

#endif
