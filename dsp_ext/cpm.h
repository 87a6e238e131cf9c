/* One symbol of the search in dsp_ext/cpm.pyx, for all eight states side by side.

   State s after a symbol: its bits are the symbols n-1, n, n+1, oldest first. It is reached from s >> 1 and from
   (s >> 1) + 4, and the signal during symbol n is that of the number s itself. */
#ifndef RADOME_CPM_H
#define RADOME_CPM_H
#include "simd.h"
#include <math.h>

typedef struct {
    radome_v8 wave_re[4], wave_im[4]; /* signal of each state at four places of a symbol, half of it */
    radome_v8 turn_re, turn_im;       /* by what the oldest symbol turns the phase for good */
} radome_cpm_waves;

typedef struct {
    radome_v8 metric, re, im, inverse; /* of each state: its path's metric, phase reference (half of it) and its inverse */
} radome_cpm_paths;

/* real and imaginary parts of four samples, in turn, changed over */
#define RADOME_CPM_SWAP(v) RADOME_V8_LANES(v, v, 1, 0, 3, 2, 5, 4, 7, 6)

/* Cosine and sine of some turns, less than 2^29: a quarter turn at most through polynomials (Abramowitz and Stegun 4.3.97,
   4.3.99). Without a branch, as noise turns by anything. */
static inline void radome_cpm_cis(double turns, float *c, float *s) {
    const double quarters = floor(4 * turns + 0.5);
    const uint32_t which = (uint32_t)(int32_t)quarters, other = -(which & 1);
    const float z = (float)((4 * turns - quarters) * 1.5707963267948966), q = z * z;
    const float sine = z * (1 - q * (1.0f / 6 - q * (1.0f / 120 - q * (1.0f / 5040))));
    const float cosine = 1 - q * (0.5f - q * (1.0f / 24 - q * (1.0f / 720)));
    uint32_t i, j;
    memcpy(&i, &cosine, sizeof i);
    memcpy(&j, &sine, sizeof j);
    const uint32_t swap = (i ^ j) & other;
    i ^= swap ^ ((which + 1) & 2) << 30;
    j ^= swap ^ (which & 2) << 30;
    memcpy(c, &i, sizeof i);
    memcpy(s, &j, sizeof j);
}

/* the same of n, side by side */
static inline void radome_cpm_circle(const double *turns, int n, float *c, float *s) {
    for (int i = 0; i < n; i++) radome_cpm_cis(turns[i], &c[i], &s[i]);
}

/* four samples from x[0] on through the same eight taps, turned by c + j s; no number gives zeros */
static inline void radome_cpm_take(const float *x, const float *taps, float c, float s, float *y) {
    radome_v8 sum = {0}, other = {0};
    for (int k = 0; k < 8; k += 2) {
        sum += RADOME_V8(x + 2 * k) * taps[k];
        other += RADOME_V8(x + 2 * k + 2) * taps[k + 1];
    }
    sum += other;
    const radome_v8 sine = {-s, s, -s, s, -s, s, -s, s};
    const radome_v8 v = sum * c + RADOME_CPM_SWAP(sum) * sine;
    /* what is no number, or nearly too large for one, would stay in the paths */
    const radome_v8 size = (radome_v8)((radome_i8)v & 0x7fffffff);
    RADOME_V8(y) = (radome_v8)((radome_i8)v & (size < 1e15f));
}

/* Waves of a signal that is off by a frequency: turned at each of the four places, and from one symbol to the next, by
   so much (cos + j sin) */
static inline void radome_cpm_shift(const radome_cpm_waves *waves, const float *c, const float *s,
                                    radome_cpm_waves *shifted) {
    for (int j = 0; j < 4; j++) {
        shifted->wave_re[j] = waves->wave_re[j] * c[j] - waves->wave_im[j] * s[j];
        shifted->wave_im[j] = waves->wave_re[j] * s[j] + waves->wave_im[j] * c[j];
    }
    shifted->turn_re = waves->turn_re * c[4] - waves->turn_im * s[4];
    shifted->turn_im = waves->turn_re * s[4] + waves->turn_im * c[4];
}

/* 2 / sqrt(power), nearly: waves are of half the size for that */
static inline radome_v8 radome_cpm_inverse(radome_v8 power) {
#ifdef __AVX__
    const radome_v8 guess = __builtin_ia32_rsqrtps256(power);
    return guess * (3.0f - power * guess * guess);
#else
    for (int s = 0; s < 8; s++) power[s] = 2.0f / sqrtf(power[s]);
    return power;
#endif
}

/* Cosine of how far y[8] to y[15] are turned against y[0] to y[7], four complex each: a symbol of four samples apart.
   Two have a centre, which is taken off; times the scale in cycles per symbol */
static inline void radome_cpm_tone(const float *y, const float *centres, float scale, float *tone) {
#define EVEN(a, b) RADOME_V8_LANES(a, b, 0, 2, 8, 10, 4, 6, 12, 14)
#define ODD(a, b) RADOME_V8_LANES(a, b, 1, 3, 9, 11, 5, 7, 13, 15)
    const radome_v8 y0 = RADOME_V8(y), y4 = RADOME_V8(y + 8), y8 = RADOME_V8(y + 16);
    const radome_v8 a_re = EVEN(y0, y4), a_im = ODD(y0, y4), b_re = EVEN(y4, y8), b_im = ODD(y4, y8);
    const radome_v8 re = b_re * a_re + b_im * a_im, im = b_im * a_re - b_re * a_im;
#undef EVEN
#undef ODD
    /* samples 0, 1, 4, 5, 2, 3, 6, 7 */
    const radome_v8 z = (radome_v8){centres[0], centres[0], centres[2], centres[2], centres[1], centres[1], centres[3],
                                    centres[3]} *
                        scale * 3.14159265f;
    /* sine and cosine of pi times the centre, and of twice that */
    const radome_v8 q = z * z, half = z * (1 - q * (1.0f / 6 - q * (1.0f / 120))), c = 1 - 2 * half * half,
                    s = 2 * half * (1 - q * (0.5f - q * (1.0f / 24 - q * (1.0f / 720))));
    const radome_v8 cosine = (re * c + im * s) * (0.5f * radome_cpm_inverse(re * re + im * im + 1e-30f));
    RADOME_V8(tone) = RADOME_V8_LANES(cosine, cosine, 0, 1, 4, 5, 2, 3, 6, 7);
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

/* margin[s]: metric by way of (s >> 1) + 4 less that by way of s >> 1; bit s of the result where it is above 0. The
   inverse is the longest way from one symbol to the next: `soon` finds it for both ways before the choice, which is
   faster where a search goes by itself. */
static inline __attribute__((always_inline)) unsigned char radome_cpm_step(const float *z, const radome_cpm_waves *waves,
                                                                           float keep, int soon, radome_cpm_paths *paths,
                                                                           float *margin) {
    radome_v8 re = RADOME_V8(z), im = RADOME_V8(z + 8), m0, m1, r0, r1, i0, i1, d, inverse;
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
    paths->metric = radome_v8_most(m1, m0);
    if (soon) {
        r0 = re + keep * r0, i0 = im + keep * i0;
        r1 = re + keep * r1, i1 = im + keep * i1;
        inverse = radome_v8_choose(mask, radome_cpm_inverse(r1 * r1 + (i1 * i1 + 1e-30f)),
                                   radome_cpm_inverse(r0 * r0 + (i0 * i0 + 1e-30f)));
        re = radome_v8_choose(mask, r1, r0);
        im = radome_v8_choose(mask, i1, i0);
    } else {
        re += keep * radome_v8_choose(mask, r1, r0);
        im += keep * radome_v8_choose(mask, i1, i0);
        inverse = radome_cpm_inverse(re * re + (im * im + 1e-30f));
    }
    paths->re = re * waves->turn_re - im * waves->turn_im;
    paths->im = re * waves->turn_im + im * waves->turn_re;
    paths->inverse = inverse;
    return radome_v8_bits(mask);
}

/* Searches of up to three indices over a block side by side, as each symbol waits for the one before. For each: what
   radome_cpm_match and radome_cpm_step give for each symbol, and the paths at the end */
static inline __attribute__((always_inline)) void radome_cpm_rough_of(const float *y, int symbols, int n,
                                                                      const radome_cpm_waves *waves, float keep,
                                                                      float *const *matched, unsigned char *const *came,
                                                                      radome_cpm_paths *paths) {
    radome_cpm_paths at[3] = {0};
    float margin[8];
    for (int i = 0; i < symbols; i++)
        for (int m = 0; m < n; m++) {
            radome_cpm_match(y + 8 * i, &waves[m], matched[m] + 16 * i);
            came[m][i] = radome_cpm_step(matched[m] + 16 * i, &waves[m], keep, n == 1, &at[m], margin);
        }
    for (int m = 0; m < n; m++) paths[m] = at[m];
}

static inline void radome_cpm_rough(const float *y, int symbols, int n, const radome_cpm_waves *waves, float keep,
                                    float *const *matched, unsigned char *const *came, radome_cpm_paths *paths) {
    if (n == 1)
        radome_cpm_rough_of(y, symbols, 1, waves, keep, matched, came, paths);
    else if (n == 2)
        radome_cpm_rough_of(y, symbols, 2, waves, keep, matched, came, paths);
    else
        radome_cpm_rough_of(y, symbols, 3, waves, keep, matched, came, paths);
}

/* the best state; all metrics put relative to its, by which the gain grows */
static inline int radome_cpm_level(radome_cpm_paths *paths, float *gain) {
    radome_v8 most = paths->metric;
    most = radome_v8_most(most, RADOME_V8_LANES(most, most, 4, 5, 6, 7, 0, 1, 2, 3));
    most = radome_v8_most(most, RADOME_V8_LANES(most, most, 2, 3, 0, 1, 6, 7, 4, 5));
    most = radome_v8_most(most, RADOME_V8_LANES(most, most, 1, 0, 3, 2, 5, 4, 7, 6));
    const unsigned char best = radome_v8_bits(paths->metric == most);
    *gain += most[0];
    paths->metric -= most;
    return best ? __builtin_ctz(best) : 0;
}

/* Searches with up to three memories over a block side by side. The waves turn by hop more every eight symbols; gain
   is of the best path of each. */
static inline __attribute__((always_inline)) void radome_cpm_search_of(const float *y, int symbols, int n,
                                                                       radome_cpm_waves *waves, float hop_c, float hop_s,
                                                                       const float *keep, radome_cpm_paths *paths,
                                                                       float *const *margin, float *gain) {
    radome_cpm_paths at[3];
    float z[16];
    for (int m = 0; m < n; m++) at[m] = paths[m], gain[m] = 0;
    for (int i = 0; i < symbols; i++) {
        radome_cpm_match(y + 8 * i, waves, z);
        for (int m = 0; m < n; m++) radome_cpm_step(z, waves, keep[m], n == 1, &at[m], margin[m] + 8 * i);
        if (i % 8 == 7) {
            const radome_v8 re = waves->turn_re;
            waves->turn_re = re * hop_c - waves->turn_im * hop_s;
            waves->turn_im = re * hop_s + waves->turn_im * hop_c;
        }
        if (i % 32 == 31)
            for (int m = 0; m < n; m++) radome_cpm_level(&at[m], &gain[m]);
    }
    for (int m = 0; m < n; m++) paths[m] = at[m];
}

static inline void radome_cpm_search(const float *y, int symbols, int n, radome_cpm_waves *waves, float hop_c, float hop_s,
                                     const float *keep, radome_cpm_paths *paths, float *const *margin, float *gain) {
    if (n == 1)
        radome_cpm_search_of(y, symbols, 1, waves, hop_c, hop_s, keep, paths, margin, gain);
    else if (n == 2)
        radome_cpm_search_of(y, symbols, 2, waves, hop_c, hop_s, keep, paths, margin, gain);
    else
        radome_cpm_search_of(y, symbols, 3, waves, hop_c, hop_s, keep, paths, margin, gain);
}

/* What decisions of n symbols (a multiple of 8, 128 at most) back from a state say: products of phases four symbols
   apart, summed by the number of ones among the symbols that turned them meanwhile. Gives the power of all. Both are of
   the whole waves. */
static inline double radome_cpm_judge(const float *matched, const unsigned char *came, int state, int n, double (*corr)[2]) {
    float re[4 + 128] = {0}, im[4 + 128] = {0};
    int32_t ones[4 + 128] = {0};
    radome_v8 sum_re[5] = {0}, sum_im[5] = {0}, power = {0};
    for (int i = n - 1; i >= 0; i--) {
        ones[4 + i] = state >> 2; /* of the symbol before */
        re[4 + i] = matched[16 * i + state], im[4 + i] = matched[16 * i + 8 + state];
        state = state >> 1 | (came[i] >> state & 1) << 2;
    }
    for (int i = 0; i < n; i += 8) {
        const radome_v8 r = RADOME_V8(re + 4 + i), m = RADOME_V8(im + 4 + i), r4 = RADOME_V8(re + i), m4 = RADOME_V8(im + i),
                        product_re = r * r4 + m * m4, product_im = m * r4 - r * m4;
        const radome_i8 which = (*(radome_i8 *)(ones + i) + *(radome_i8 *)(ones + i + 1)) +
                                (*(radome_i8 *)(ones + i + 2) + *(radome_i8 *)(ones + i + 3));
        power += r * r + m * m;
        for (int c = 0; c < 5; c++) {
            sum_re[c] += (radome_v8)((radome_i8)product_re & (which == c));
            sum_im[c] += (radome_v8)((radome_i8)product_im & (which == c));
        }
    }
    for (int c = 0; c < 5; c++) corr[c][0] = 4 * radome_v8_sum(sum_re[c]), corr[c][1] = 4 * radome_v8_sum(sum_im[c]);
    return 4 * radome_v8_sum(power);
}

/* How many of n symbols (a multiple of 8) are in doubt, each by how much its value times `trust` has less than 1; what is
   no number is */
static inline float radome_cpm_doubt(const float *soft, int n, float trust) {
    const radome_v8 zero = {0}, one = zero + 1.0f;
    radome_v8 sum = zero;
    for (int i = 0; i < n; i += 8) {
        const radome_v8 size = (radome_v8)(*(radome_i8 *)(soft + i) & 0x7fffffff);
        sum += radome_v8_most(radome_v8_least(1.0f - trust * size, one), zero);
    }
    return radome_v8_sum(sum);
}

/* sum of n values (a multiple of 8) */
static inline float radome_cpm_sum(const float *values, int n) {
    radome_v8 sum = {0};
    for (int i = 0; i < n; i += 8) sum += RADOME_V8(values + i);
    return radome_v8_sum(sum);
}

/* sum of sizes, and of squares, of n values (a multiple of 8) */
static inline void radome_cpm_moments(const float *soft, int n, float *sizes, float *squares) {
    radome_v8 sum = {0}, square = {0};
    for (int i = 0; i < n; i += 8) {
        const radome_v8 v = RADOME_V8(soft + i);
        sum += (radome_v8)((radome_i8)v & 0x7fffffff);
        square += v * v;
    }
    *sizes = radome_v8_sum(sum), *squares = radome_v8_sum(square);
}

/* by how much each state's path is worse than the best one, behind radome_cpm_level */
static inline radome_v8 radome_cpm_costs(const radome_cpm_paths *paths) { return -paths->metric; }

/* What the best sequence by way of each state loses to the best of all, back over n symbols (3 m + 2), and for each
   symbol the least loss with a zero less that with a one. cost: of the states at the last symbol, then at the one before
   the first.

   A state's newest symbol makes place for the oldest one of those before it, so that states are in one of three orders. */
static inline void radome_cpm_back(const float *margin, int n, radome_v8 *cost, float *soft) {
    const radome_v8 zero = {0};
    radome_v8 c = *cost;
#define BY_1(v) RADOME_V8_LANES(v, v, 1, 0, 3, 2, 5, 4, 7, 6)
#define BY_2(v) RADOME_V8_LANES(v, v, 2, 3, 0, 1, 6, 7, 4, 5)
#define BY_4(v) RADOME_V8_LANES(v, v, 4, 5, 6, 7, 0, 1, 2, 3)
#define SECOND(v) RADOME_V8_LANES(v, v, 0, 4, 1, 5, 2, 6, 3, 7)
#define THIRD(v) RADOME_V8_LANES(v, v, 0, 2, 4, 6, 1, 3, 5, 7)
    const radome_v8 sides[3] = {{1, -1, 1, -1, 1, -1, 1, -1}, {1, 1, -1, -1, 1, 1, -1, -1}, {1, 1, 1, 1, -1, -1, -1, -1}};
/* by way of a state's lower or upper predecessor; the worse one loses the margin */
#define STEP(i, ORDER, side, BY_OLDEST, BY_NEWEST, one)                                                        \
    {                                                                                                          \
        const radome_v8 d = ORDER(RADOME_V8(margin + 8 * (i))) * side, other = c + radome_v8_most(-d, zero);  \
        radome_v8 least = radome_v8_least(c, BY_OLDEST(c));                                                   \
        least = radome_v8_least(least, BY_NEWEST(least));                                                     \
        soft[i] = least[0] - least[one];                                                                       \
        c = radome_v8_least(c + radome_v8_most(d, zero), BY_NEWEST(other));                                   \
    }
    for (int i = n - 1; i > 1; i -= 3) {
        STEP(i, , sides[0], BY_4, BY_1, 2)
        STEP(i - 1, SECOND, sides[1], BY_1, BY_2, 4)
        STEP(i - 2, THIRD, sides[2], BY_2, BY_4, 1)
    }
    STEP(1, , sides[0], BY_4, BY_1, 2)
    STEP(0, SECOND, sides[1], BY_1, BY_2, 4)
    *cost = SECOND(c);
#undef STEP
#undef THIRD
#undef SECOND
#undef BY_4
#undef BY_2
#undef BY_1
}

#endif
