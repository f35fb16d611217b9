/* Duals of the nonlinearities as instructions: the inner loop of every kernel. One face cg_dual_id per row of
 * network/nonlinearities.def, in a file of its own.
 *
 * A dual takes the NNGP entry k of a pair and, of each of its two variances, the factors that were made of it once per
 * sample. All operands of a call have one type: scalar, lane, double lane, or two of them joined (cg_join); elements of
 * float use the float approximation. Coefficients, the row's formulas, are operands too.
 *
 * The variance itself maps by the same call, with k the variance and both factors those of it: a sample that meets itself
 * has the same bits on both paths [KR-29]. A result that is not used costs nothing: the optimizer drops what only it needs. */
#ifndef ENTK_CG_DUAL_H
#define ENTK_CG_DUAL_H

#include "emit/cg/cg.h"
#include "network/nonlinearity.h"

typedef struct CgArgs {
	const LLVMValueRef *coef;  /* as the row lists them */
	const Scalar *const *args; /* of the node: degrees, and which coefficients are there at all */
	uint32_t count;
} CgArgs;

typedef struct CgDual {
	LLVMValueRef v_k;    /* T: the new NNGP entry */
	LLVMValueRef v_tdot; /* Tdot: what the NTK entry is multiplied by */
} CgDual;

typedef struct CgFace {
	/* The row's number of factors, made of a variance; NULL: none. */
	void (*factors)(Cg *cg, const CgArgs *a, LLVMValueRef v_variance, LLVMValueRef *factor);
	CgDual (*dual)(Cg *cg, const CgArgs *a, LLVMValueRef k, const LLVMValueRef *left, const LLVMValueRef *right);
} CgFace;

extern const CgFace *const cg_faces[NONLINEARITY_COUNT];

#define FUNCTION(id, arguments, odd, factors, coefficients, operations, low, high) extern const CgFace cg_dual_##id;
#define LAYER_NAME(name, id, positional, required, arguments, values)
#include "network/nonlinearities.def"
#undef FUNCTION
#undef LAYER_NAME

#endif
