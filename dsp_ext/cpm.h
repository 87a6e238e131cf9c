/* One symbol of the search in dsp_ext/cpm.pyx, for all eight states side by side.

   State s after a symbol: its bits are the symbols n-1, n, n+1, oldest first. It is reached from s >> 1 and from
   (s >> 1) + 4, and the signal during symbol n is that of the number s itself. */
#ifndef RADOME_CPM_H
#define RADOME_CPM_H
#include "simd.h"
#include <math.h>

typedef struct {
    radome_v8 wave_re[4], wave_im[4]; /* signal of each state at four places of a symbol */
    radome_v8 turn_re, turn_im;       /* by what the oldest symbol turns the phase for good */
} radome_cpm_waves;

typedef struct {
    radome_v8 metric, re, im, inverse; /* of each state: its path's metric, phase reference and 1/|reference| */
} radome_cpm_paths;

/* real and imaginary parts of four samples, in turn, changed over */
#define RADOME_CPM_SWAP(v) RADOME_V8_LANES(v, v, 1, 0, 3, 2, 5, 4, 7, 6)

/* four samples from x[0] on through the same eight taps, turned by c + j s; no number gives zeros */
static inline void radome_cpm_take(const float *x, const float *taps, float c, float s, float *y) {
    radome_v8 sum = {0}, other = {0};
    for (int k = 0; k < 8; k += 2) {
        sum += RADOME_V8(x + 2 * k) * taps[k];
        other += RADOME_V8(x + 2 * k + 2) * taps[k + 1];
    }
    sum += other;
    const radome_v8 sine = {-s, s, -s, s, -s, s, -s, s};
    radome_v8 v = sum * c + RADOME_CPM_SWAP(sum) * sine;
    /* what is no number, or nearly too large for one, would stay in the paths */
    v = radome_v8_choose((v < 1e15f) & (v > -1e15f), v, (radome_v8){0});
    RADOME_V8(y) = v;
}

/* Turned by a frequency that runs straight, n symbols (a multiple of 8), cos + j sin: of the first eight, of what turns
   each to the one eight on, and of what turns that in the same time */
static inline void radome_cpm_phasors(const float *cosine, const float *sine, const float *step_cosine,
                                      const float *step_sine, float hop_cosine, float hop_sine, int n, float *c, float *s) {
    radome_v8 re = RADOME_V8(cosine), im = RADOME_V8(sine), step_re = RADOME_V8(step_cosine),
              step_im = RADOME_V8(step_sine);
    for (int i = 0; i < n; i += 8) {
        RADOME_V8(c + i) = re;
        RADOME_V8(s + i) = im;
        const radome_v8 next = re * step_re - im * step_im;
        im = re * step_im + im * step_re;
        re = next;
        const radome_v8 more = step_re * hop_cosine - step_im * hop_sine;
        step_im = step_re * hop_sine + step_im * hop_cosine;
        step_re = more;
    }
}

/* u = y times w, itself turned by c + j s; w as (re, re, ...) and (-im, im, ...) */
static inline void radome_cpm_turn(const float *y, const float *w_re, const float *w_im, float c, float s, float *u) {
    const radome_v8 sine = {-s, s, -s, s, -s, s, -s, s};
    radome_v8 v = RADOME_V8(y);
    v = v * RADOME_V8(w_re) + RADOME_CPM_SWAP(v) * RADOME_V8(w_im);
    RADOME_V8(u) = v * c + RADOME_CPM_SWAP(v) * sine;
}

/* z = sums of x conj(wave) over the four samples x, for each state: real parts, then imaginary ones */
static inline void radome_cpm_match(const float *x, const radome_cpm_waves *waves, float *z) {
    radome_v8 re = {0}, im = {0};
    for (int j = 0; j < 4; j++) {
        re += x[2 * j] * waves->wave_re[j] + x[2 * j + 1] * waves->wave_im[j];
        im += x[2 * j + 1] * waves->wave_re[j] - x[2 * j] * waves->wave_im[j];
    }
    RADOME_V8(z) = re;
    RADOME_V8(z + 8) = im;
}

/* 1 / sqrt(power), nearly */
static inline radome_v8 radome_cpm_inverse(radome_v8 power) {
#ifdef __AVX__
    const radome_v8 guess = __builtin_ia32_rsqrtps256(power);
    return guess * (1.5f - 0.5f * power * guess * guess);
#else
    for (int s = 0; s < 8; s++) power[s] = 1.0f / sqrtf(power[s]);
    return power;
#endif
}

/* margin[s]: metric by way of (s >> 1) + 4 less that by way of s >> 1; bit s of the result where it is above 0 */
static inline unsigned char radome_cpm_step(const float *z, const radome_cpm_waves *waves, float keep,
                                            radome_cpm_paths *paths, float *margin) {
    radome_v8 re = RADOME_V8(z), im = RADOME_V8(z + 8), m0, m1, r0, r1, i0, i1, d, power;
    radome_i8 mask;
#define LOW(v) RADOME_V8_LANES(v, v, 0, 0, 1, 1, 2, 2, 3, 3)
#define HIGH(v) RADOME_V8_LANES(v, v, 4, 4, 5, 5, 6, 6, 7, 7)
    r0 = LOW(paths->re), r1 = HIGH(paths->re);
    i0 = LOW(paths->im), i1 = HIGH(paths->im);
    m0 = LOW(paths->metric) + (re * r0 + im * i0) * LOW(paths->inverse);
    m1 = HIGH(paths->metric) + (re * r1 + im * i1) * HIGH(paths->inverse);
#undef LOW
#undef HIGH
    d = m1 - m0;
    mask = d > 0;
    RADOME_V8(margin) = d;
    re += keep * radome_v8_choose(mask, r1, r0);
    im += keep * radome_v8_choose(mask, i1, i0);
    paths->metric = radome_v8_choose(mask, m1, m0);
    paths->re = re * waves->turn_re - im * waves->turn_im;
    paths->im = re * waves->turn_im + im * waves->turn_re;
    power = re * re + im * im + 1e-30f;
    paths->inverse = radome_cpm_inverse(power);
    return radome_v8_bits(mask);
}

/* Searches of up to three indices over a block side by side, as each symbol waits for the one before. For each: what
   radome_cpm_match and radome_cpm_step give for each symbol, and the paths at the end */
static inline __attribute__((always_inline)) void radome_cpm_rough_of(const float *u, int symbols, int n,
                                                                      radome_cpm_waves *const *waves, float keep,
                                                                      float *const *matched, unsigned char *const *came,
                                                                      radome_cpm_paths *paths) {
    radome_cpm_paths at[3] = {0};
    float margin[8];
    for (int i = 0; i < symbols; i++)
        for (int m = 0; m < n; m++) {
            radome_cpm_match(u + 8 * i, waves[m], matched[m] + 16 * i);
            came[m][i] = radome_cpm_step(matched[m] + 16 * i, waves[m], keep, &at[m], margin);
        }
    for (int m = 0; m < n; m++) paths[m] = at[m];
}

static inline void radome_cpm_rough(const float *u, int symbols, int n, radome_cpm_waves *const *waves, float keep,
                                    float *const *matched, unsigned char *const *came, radome_cpm_paths *paths) {
    if (n == 1)
        radome_cpm_rough_of(u, symbols, 1, waves, keep, matched, came, paths);
    else if (n == 2)
        radome_cpm_rough_of(u, symbols, 2, waves, keep, matched, came, paths);
    else
        radome_cpm_rough_of(u, symbols, 3, waves, keep, matched, came, paths);
}

/* the best state; all metrics put relative to its, by which the gain grows */
static inline int radome_cpm_level(radome_cpm_paths *paths, float *gain) {
    int best = 0;
    for (int s = 1; s < 8; s++) best = paths->metric[s] > paths->metric[best] ? s : best;
    *gain += paths->metric[best];
    paths->metric -= paths->metric[best];
    return best;
}

/* by how much each state's path is worse than the best one, behind radome_cpm_level */
static inline radome_v8 radome_cpm_costs(const radome_cpm_paths *paths) { return -paths->metric; }

/* What the best sequence by way of each state loses to the best of all, back over n symbols, and for each symbol the
   least loss with a zero less that with a one. cost: of the states at the last symbol, then at the one before the first */
static inline void radome_cpm_back(const float *margin, int n, radome_v8 *cost, float *soft) {
    const radome_v8 zero = {0}, side = {1, 1, 1, 1, -1, -1, -1, -1};
    radome_v8 c = *cost;
#define EVEN(v) RADOME_V8_LANES(v, v, 0, 2, 4, 6, 0, 2, 4, 6)
#define ODD(v) RADOME_V8_LANES(v, v, 1, 3, 5, 7, 1, 3, 5, 7)
    for (int i = n - 1; i >= 0; i--) {
        const radome_v8 d = RADOME_V8(margin + 8 * i);
        radome_v8 least = radome_v8_least(c, RADOME_V8_LANES(c, c, 4, 5, 6, 7, 0, 1, 2, 3));
        least = radome_v8_least(least, RADOME_V8_LANES(least, least, 1, 0, 3, 2, 5, 4, 7, 6));
        soft[i] = least[0] - least[2];
        /* by way of a state's lower or upper predecessor; the worse one loses the margin */
        c = radome_v8_least(EVEN(c) - radome_v8_least(-side * EVEN(d), zero),
                             ODD(c) - radome_v8_least(-side * ODD(d), zero));
    }
#undef EVEN
#undef ODD
    *cost = c;
}

#endif
