/* Polynomials with constant coefficients. */
#ifndef ENTK_POLYNOMIAL_OF_H
#define ENTK_POLYNOMIAL_OF_H

#include "emit/cg/cg.h"

typedef struct Poly {
	const double *coefficients; /* lowest first */
	int count;
	int chains; /* independent sums: 1 has the fewest operations, 2 half the latency */
} Poly;

#define POLY(table, n_chains) ((Poly){table, sizeof table / sizeof *table, n_chains})

LLVMValueRef cg_polynomial(Cg *cg, Poly p, LLVMValueRef v);

#endif
