/* Zonal kernels: see zonal.h. */
#include "spectrum/zonal.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

/* P_n(x) of Legendre and its derivative. */
static double legendre(size_t n, double x, double *slope)
{
	double before = 1, p = x;
	for (size_t k = 1; k < n; k++) {
		double next = ((double)(2 * k + 1) * x * p - (double)k * before) / (double)(k + 1);
		before = p;
		p = next;
	}
	*slope = (double)n * (x * p - before) / (x * x - 1);
	return p;
}

void entk_zonal_nodes(size_t count, double *angles, double *weights)
{
	for (size_t i = 0; i < count; i++) {
		double x = -cos(pi * ((double)i + 0.75) / ((double)count + 0.5)), slope = 1;
		for (int step = 0; step < 100; step++) {
			double change = legendre(count, x, &slope) / slope;
			x -= change;
			if (fabs(change) < 1e-16)
				break;
		}
		legendre(count, x, &slope);
		angles[i] = 0.5 * pi * (1 + x);
		weights[i] = pi / ((1 - x * x) * slope * slope);
	}
}

void entk_zonal_eigenvalues(size_t dimension, const double *kernel, const double *angles, const double *weights,
			    size_t count, size_t degrees, double *lambda)
{
	double d = (double)dimension, scale = exp(lgamma(0.5 * d) - lgamma(0.5 * (d - 1))) / sqrt(pi);
	for (size_t k = 0; k <= degrees; k++)
		lambda[k] = 0;
	for (size_t i = 0; i < count; i++) {
		double t = cos(angles[i]), before = 1, p = t;
		double value = scale * weights[i] * kernel[i] * pow(sin(angles[i]), d - 2);
		lambda[0] += value;
		for (size_t k = 1; k <= degrees; k++) {
			lambda[k] += value * p;
			/* [KR-46] Gegenbauer's polynomials with P_k(1) = 1; Chebyshev's for d = 2. */
			double next = ((double)(2 * k) + d - 2) * t * p - (double)k * before;
			before = p;
			p = next / ((double)k + d - 2);
		}
	}
}

double entk_zonal_multiplicity(size_t dimension, size_t k)
{
	double d = (double)dimension, m = (double)k;
	if (k == 0)
		return 1;
	/* (2k + d - 2) / k * binomial(k + d - 3, k - 1) */
	return round((2 * m + d - 2) / m * exp(lgamma(m + d - 2) - lgamma(m) - lgamma(d - 1)));
}

/* sum_k N_k lambda_k / (kappa + n lambda_k) * kappa, and the other sums of the self-consistent equation. */
typedef struct Sums {
	double kappa, gamma;
} Sums;

static double eigenvalue(const EntkZonal *zonal, size_t k)
{
	return zonal->lambda[k] > 0 ? zonal->lambda[k] : 0;
}

static Sums sums(const EntkZonal *zonal, double n, double kappa)
{
	Sums s = {0, 0};
	for (size_t k = 0; k <= zonal->degrees; k++) {
		double lambda = eigenvalue(zonal, k), share = lambda / (kappa + n * lambda),
		       many = entk_zonal_multiplicity(zonal->dimension, k);
		s.kappa += many * kappa * share;
		s.gamma += many * n * share * share;
	}
	return s;
}

EntkZonalPoint entk_zonal_learning(const EntkZonal *zonal, double n, double ridge, size_t target_degree, double noise)
{
	double rest = zonal->trace, low = 0, high;
	for (size_t k = 0; k <= zonal->degrees; k++)
		rest -= entk_zonal_multiplicity(zonal->dimension, k) * eigenvalue(zonal, k);
	/* Harmonics beyond the last degree act as a ridge. */
	ridge += rest > 0 ? rest : 0;
	high = ridge + zonal->trace;
	/* [KR-47] kappa - ridge - sums(kappa) increases: one root. */
	for (int step = 0; step < 200; step++) {
		double middle = 0.5 * (low + high);
		*(middle - ridge - sums(zonal, n, middle).kappa < 0 ? &low : &high) = middle;
	}
	EntkZonalPoint point = {.kappa = high, .gamma = sums(zonal, n, high).gamma};
	double lambda = target_degree <= zonal->degrees ? eigenvalue(zonal, target_degree) : 0,
	       missed = point.kappa / (point.kappa + n * lambda);
	point.error = (missed * missed + noise * point.gamma) / (1 - point.gamma);
	return point;
}
