/* See underflow.h. */
#include "gram/underflow.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

double entk_underflow_bound(uint32_t precision)
{
	return precision == 32 ? ldexp(FLT_MIN, FLT_MANT_DIG) : ldexp(DBL_MIN, DBL_MANT_DIG);
}

static double value(const EntkSamples *samples, size_t at)
{
	return samples->precision == 32 ? ((const float *)samples->values)[at] : ((const double *)samples->values)[at];
}

static double largest(const EntkSamples *samples, size_t i)
{
	double most = 0;
	for (size_t k = 0; k < samples->size; k++)
		most = fmax(most, fabs(value(samples, i * samples->size + k)));
	return most;
}

bool entk_sample_is_zero(const EntkSamples *samples, size_t i)
{
	for (size_t k = 0; k < samples->size; k++)
		if (value(samples, i * samples->size + k) != 0)
			return false;
	return true;
}

/* One sample of factor * that of `samples`, or of ones where factor is 0. */
static EntkStatus one(const EntkSamples *samples, size_t i, int exponent, bool ones, EntkSamples *made,
		      EntkError *error)
{
	*made = (EntkSamples){.count = 1, .size = samples->size, .precision = samples->precision};
	made->values = entk_allocate_aligned(samples->size, samples->precision / 8, "a sample", error);
	if (!made->values)
		return error->status;
	for (size_t k = 0; k < samples->size; k++) {
		double number = ones ? 1 : ldexp(value(samples, i * samples->size + k), exponent);
		if (samples->precision == 32)
			((float *)made->values)[k] = (float)number;
		else
			((double *)made->values)[k] = number;
	}
	return ENTK_OK;
}

EntkStatus entk_sample_scaled(const EntkSamples *samples, size_t i, EntkSamples *scaled, EntkError *error)
{
	int exponent;
	(void)frexp(largest(samples, i), &exponent);
	return one(samples, i, -exponent, false, scaled, error);
}

EntkStatus entk_sample_ones(const EntkSamples *samples, EntkSamples *ones, EntkError *error)
{
	return one(samples, 0, 0, true, ones, error);
}

EntkStatus entk_underflow_judge(const EntkProgram *program, const EntkNet *net, size_t i, bool of_z,
				const EntkVariances *variances, bool zero_factor, EntkError *error)
{
	const double bound = entk_underflow_bound(program->precision);
	bool single = program->precision == 32, layers = fabs(variances->ones) < bound;
	if (!(fabs(variances->own) < bound))
		return ENTK_OK;
	if (variances->own == 0 && variances->scaled == 0 && (zero_factor || !layers))
		return ENTK_OK;
	entk_fail(error, ENTK_NUMERICAL, net->name,
		  "the NNGP of sample %zu%s with itself is %.3g: below %.1g kernels in %s lose their bits", i,
		  of_z ? " of Z" : "", variances->own, bound, single ? "float32" : "float64");
	if (layers)
		return entk_fix(error,
				"the layers make it so small: choose a weight_std that keeps the variance (sqrt(2) "
				"before relu)%s",
				single ? ", or compile with --precision=f64" : "");
	return entk_fix(error, "the samples are too small: scale them%s",
			single ? ", or compile with --precision=f64" : "");
}
