/* Networks made by hand, for unit tests: what the checker makes of a source, without the language. */
#ifndef ENTK_BUILD_NETWORK_H
#define ENTK_BUILD_NETWORK_H

#include "network/network.h"
#include "network/nonlinearity.h"

#define BUILD_MAX_NODES 64

typedef struct Build {
	Arena *arena;
	Node *nodes[BUILD_MAX_NODES];
	uint32_t count;
	Node *input;
} Build;

typedef struct Filter {
	uint32_t size, stride, dilation; /* the same on all axes; 0: 1 */
	Padding padding;
	const char *mask;  /* x and . per cell, row-major; with `elements` > 1 one mask after another; NULL: all */
	uint32_t elements; /* masks given (group conv); 0: one mask for every element */
	double weight_std, bias_std; /* 0: 1, and no bias */
} Filter;

void build_start(Build *b);
void build_end(Build *b);
Node *build_vector(Build *b, uint32_t n);
Node *build_grid(Build *b, uint32_t dim, const uint32_t *shape, uint32_t channels);
Node *build_image(Build *b, uint32_t height, uint32_t width, uint32_t channels);
Node *build_dense(Build *b, Node *in, double weight_std, double bias_std);
/* A convolution, a lift to `group`, or a group convolution, as the input's domain and `group` say. */
Node *build_filter(Build *b, Node *in, const char *group, Filter filter);
Node *build_window_pool(Build *b, Node *in, uint32_t size, uint32_t stride, Padding padding, bool mean, bool normalize);
Node *build_pool(Build *b, Node *in, PoolOver over, bool mean);
Node *build_flatten(Build *b, Node *in);
/* Any row of nonlinearities.def, with constant arguments. */
Node *build_pointwise(Build *b, Node *in, NonlinearityId id, const double *args, uint32_t count);
Node *build_relu(Build *b, Node *in);
Node *build_abrelu(Build *b, Node *in, double alpha, double beta);
Node *build_erf(Build *b, Node *in, double scale, double slope, double shift);
Node *build_sum(Build *b, Node *left, Node *right);
Node *build_hole(Build *b, Node *in);
Node *build_repeat(Build *b, Node *in, Node *hole, Node *body, uint32_t count);
Node *build_augment(Build *b, Node *inner, const char *group);
Network *build_network(Build *b, Node *output);

/* Numbers that look random, in (-1, 1). */
void fill_random(double *x, size_t count, uint64_t seed);

#endif
