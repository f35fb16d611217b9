/* Angles of a pair of Gaussian variables, with one square root and one short polynomial each. Let x = cos and S = sin of
 * an angle phi in [0, pi/2] (S from 1 - x^2). An angle in [0, pi/4] is its sine times R(its cosine), R(y) = acos(y)/sqrt(1 -
 * y^2), which is smooth on [1/sqrt 2, 1]: its nearest singularity is y = -1, so 5 coefficients reach float and 11 double. (In
 * powers of 1 - x or of a squared sine, the usual choices, it takes 7 and 18, or a second square root.) Two ways lead into
 * [0, pi/4]:
 *
 *   turn  phi - pi/4 has cosine (S + x)/sqrt 2 and sine (S - x)/sqrt 2: two additions, absolute accuracy
 *   fold  phi or pi/2 - phi has sine min(x, S) and cosine max(x, S): relative accuracy near x = 0
 *
 * The polynomials are scripts/fit_dual.py's. */
#ifndef ENTK_ANGLE_H
#define ENTK_ANGLE_H

#include "emit/cg/cg.h"

/* 1/sqrt(v) and sqrt(v); both 0 where v is below the smallest normal number: 1/sqrt(v) squared must stay finite, and such values
 * have lost their precision anyway. NaN goes the same way; it comes back through k. */
void cg_roots(Cg *cg, LLVMValueRef v, LLVMValueRef *v_inverse, LLVMValueRef *v_root);

/* The correlation c = k inv_a inv_b of a pair, whose x = |c| is pinned to 1 where it can hardly be told from it.
 *
 * x = 1 where x >= 1 - 3 eps. The angle has slope infinity there, and a sample that meets itself must give 0: with h = eps/2
 * its c is 1 up to 6 h (square root and division make 2 h in each 1/sqrt a, the two products h each), and just below 1
 * numbers are h apart, so 1 - c <= 3 eps for certain. Other pairs lose nothing by it: within 3 eps of 1 their c carries no
 * information either, k being rounded. The polynomial is fitted so that x = 1 gives asin = pi/2 to the last bit, and x = 0
 * gives 0. */
typedef struct CgCorrelation {
	LLVMValueRef v_c;    /* as it came out */
	LLVMValueRef v_x;    /* |c|, pinned */
	LLVMValueRef v_sine; /* sqrt(1 - x^2) */
	LLVMValueRef v_asin; /* asin x, by the turn; has no sign yet: cg_flip_sign with v_c */
} CgCorrelation;
CgCorrelation cg_correlation(Cg *cg, LLVMValueRef k, LLVMValueRef inv_a, LLVMValueRef inv_b);

/* Of a pair whose variances were made larger than they are: z = s k ia ib with ia = 1/sqrt(1 + s a), ib alike.
 *
 * With m = ia ib Cauchy-Schwarz (k^2 <= a b) gives 1 - z^2 >= (ia - ib)^2 + m (2 - m), with equality where a sample meets itself or a
 * multiple of itself. 1 - z^2 is taken as that bound unless it is larger by more than its own error, at most 10 eps |z|: z is off by
 * up to 9 eps/2 (twice 3 halves in a factor, three products). So what is divided by its root is right to a few ulps on the
 * diagonal and for multiples, and finite everywhere, even where s a is so large that z rounds to 1. */
typedef struct CgWidened {
	LLVMValueRef v_m;    /* ia ib */
	LLVMValueRef v_z;    /* the correlation */
	LLVMValueRef v_x;    /* |z| */
	LLVMValueRef v_sine; /* sqrt(1 - z^2) */
} CgWidened;
CgWidened cg_widened(Cg *cg, LLVMValueRef k, LLVMValueRef ia, LLVMValueRef ib, LLVMValueRef s);
/* ia */
LLVMValueRef cg_widened_factor(Cg *cg, LLVMValueRef v, LLVMValueRef s);
/* asin z, by the fold: relative accuracy near 0 (a few units in the last place). */
LLVMValueRef cg_widened_asin(Cg *cg, const CgWidened *w);

#endif
