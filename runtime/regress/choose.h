/* The ridge that a rule chooses from the grid; one eigendecomposition serves all of them. Part of regress.c. */
#ifndef ENTK_REGRESS_CHOOSE_H
#define ENTK_REGRESS_CHOOSE_H

#include "regress/regress.h"

/* The best relative ridge by options->rule, which chooses. ENTK_NUMERICAL when the matrix is definite with none. */
EntkStatus entk_ridge_choose(const EntkSpectrum *spectrum, const EntkRegressOptions *options, const double *targets,
			     size_t outputs, double *ridge, EntkError *error);
/* Mean squared error of predictions `mean` (count x outputs). */
double entk_validation_error(const EntkValidation *validation, const double *mean, size_t outputs);

#endif
