/* The ridge: what is added to the diagonal of the kernel that is inverted, and how it is chosen.
 *
 * Ridges are relative to the mean of the Gram's diagonal (as `diag_reg` in Neural Tangents) unless "abs:" says otherwise. */
#ifndef ENTK_REGRESS_RIDGE_H
#define ENTK_REGRESS_RIDGE_H

#include "support/status.h"

#include <stddef.h>

typedef enum EntkRidgeRule {
	ENTK_RIDGE_FIXED,    /* a number, relative to the mean diagonal */
	ENTK_RIDGE_ABSOLUTE, /* a number that is added as it is */
	ENTK_RIDGE_LOO,      /* least leave-one-out error */
	/* Largest marginal likelihood, the kernel's scale at its best: the scale does not touch the mean, and that of a kernel at
	 * initialization is often off by orders of magnitude from that of the targets. */
	ENTK_RIDGE_EVIDENCE,
	ENTK_RIDGE_VALIDATION, /* least error on a validation set */
} EntkRidgeRule;

/* "0.001", "abs:0.001", "loo", "evidence" or "val". */
EntkStatus entk_ridge_parse(const char *option, const char *text, EntkRidgeRule *rule, double *ridge, EntkError *error);
/* "fixed", "absolute", "loo", "evidence", "val". */
const char *entk_ridge_rule_name(EntkRidgeRule rule);
/* ", chosen by leave-one-out" and so on for sentences; "" for numbers. */
const char *entk_ridge_rule_text(EntkRidgeRule rule);
/* Does the rule choose (from the grid, with one eigendecomposition), or was a number given? */
bool entk_ridge_chosen(EntkRidgeRule rule);

/* The ridges that are tried, relative to the mean diagonal: 1e-8 to 10 in half decades. */
#define ENTK_RIDGE_GRID 19
double entk_ridge_grid(size_t i);

#endif
