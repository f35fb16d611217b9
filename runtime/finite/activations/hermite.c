#include <math.h>

#include "finite/activations/activation.h"

/* He_n(u) / sqrt(n!) [KR-57], h_n, by sqrt(n) h_n = u h_(n-1) - sqrt(n - 1) h_(n-2); its derivative is sqrt(n) h_(n-1). */
static double normalized(uint32_t n, double u)
{
	double before = 0, h = 1;
	for (uint32_t i = 1; i <= n; i++) {
		double next = (u * h - sqrt(i - 1.0) * before) / sqrt(i);
		before = h;
		h = next;
	}
	return h;
}

static double value(const double *args, uint32_t count, double u)
{
	(void)count;
	return normalized((uint32_t)args[0], u);
}

static double slope(const double *args, uint32_t count, double u)
{
	(void)count;
	uint32_t n = (uint32_t)args[0];
	return n > 0 ? sqrt(n) * normalized(n - 1, u) : 0;
}

const Activation activation_hermite = {value, slope};
