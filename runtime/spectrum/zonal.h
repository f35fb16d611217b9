/* Kernels on the sphere of unit vectors in d dimensions that are functions of the angle between their arguments, as those of all nets on
 * vectors are: their eigenvalues, and the learning curve that follows from these ([KR-46], [KR-47]). */
#ifndef ENTK_SPECTRUM_ZONAL_H
#define ENTK_SPECTRUM_ZONAL_H

#include <stddef.h>

/* Nodes and weights of the Gauss-Legendre rule on [0, pi]. In the angle, kernels of relu are smooth up to both ends: 2 degrees + 20
 * nodes give `degrees` coefficients to rounding. In the cosine they have a root at the end, and convergence is slow. */
void entk_zonal_nodes(size_t count, double *angles, double *weights);

/* lambda[k] for k = 0 .. degrees: the eigenvalue of spherical harmonics of degree k under the uniform probability on the sphere, from the
 * kernel's values at the nodes. dimension >= 2. */
void entk_zonal_eigenvalues(size_t dimension, const double *kernel, const double *angles, const double *weights,
			    size_t count, size_t degrees, double *lambda);

/* How many independent harmonics of degree k there are. */
double entk_zonal_multiplicity(size_t dimension, size_t k);

typedef struct EntkZonal {
	size_t dimension, degrees;
	const double *lambda; /* degrees + 1; negative ones (rounding) count as 0 */
	double trace;         /* the kernel at angle 0 */
} EntkZonal;

typedef struct EntkZonalPoint {
	double error; /* expected squared test error of a target with mean square 1 */
	double kappa; /* the ridge that the finite sample makes of it */
	double gamma; /* how much of the noise is learnt: the error grows by 1 / (1 - gamma) */
} EntkZonalPoint;

/* Kernel regression from n samples with an absolute ridge, on a target of harmonics of one degree, with noise of the given variance. */
EntkZonalPoint entk_zonal_learning(const EntkZonal *zonal, double n, double ridge, size_t target_degree, double noise);

#endif
