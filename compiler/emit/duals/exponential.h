/* Exponentials on lanes, to a few units in the last place. */
#ifndef ENTK_EXPONENTIAL_H
#define ENTK_EXPONENTIAL_H

#include "emit/cg/cg.h"

/* exp(v). Below the range of normal numbers 0, above it infinite; NaN stays NaN. */
LLVMValueRef cg_exp(Cg *cg, LLVMValueRef v);
/* exp(v) - 1 for v <= 0, with relative accuracy near 0. */
LLVMValueRef cg_expm1_below(Cg *cg, LLVMValueRef v);

#endif
