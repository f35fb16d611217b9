/* Gram matrices: samples, states, tiles, threads and store tied together.
 *
 * An entry's bits depend on the program, the kind of CPU, and the two samples (in their order) only: not on the tile size, the number of
 * threads or the other samples. In the Gram of a set with itself the left sample of every pair is the one of smaller
 * index, and the lower triangle is a copy. */
#ifndef ENTK_GRAM_COMPUTE_H
#define ENTK_GRAM_COMPUTE_H

#include "data/samples.h"
#include "entk_abi.h"
#include "gram/tile_store.h"
#include "support/executor.h"
#include "support/status.h"

typedef struct EntkGramOptions {
	const double *params;           /* EntkProgram.param_count values; NULL: the defaults */
	unsigned threads;               /* 0: as many as the machine has */
	uint32_t tile_left, tile_right; /* 0: chosen; never more than the net's */
	EntkProgress *progress;         /* NULL: silent */
	const volatile int
		*cancel; /* set to non-zero (by a signal handler) to stop after the current tiles; may be NULL */
	double *prepare_seconds; /* out: wall time of what is done once per sample, not per pair; NULL: not asked */
} EntkGramOptions;

/* The kernels of x with z, or of x with itself where z is NULL, into row-major x->count x (z or x)->count arrays of the
 * caller. Either may be NULL when not wanted; without `ntk` only the NNGP is computed. ENTK_INTERRUPTED when cancelled;
 * ENTK_NUMERICAL naming the pair when a kernel is not finite, or the sample whose variance underflows (underflow.h). On failure the arrays' contents are undefined. */
EntkStatus entk_gram(const EntkProgram *program, const EntkNet *net, const EntkSamples *x, const EntkSamples *z,
		     const EntkGramOptions *options, double *nngp, double *ntk, EntkError *error);
/* The same into any store: every tile that it misses. Where the store's tiles are fixed, options->tile_left and
 * tile_right are not used. Tiles closed before a failure or an interruption stay with the store. */
EntkStatus entk_gram_into(const EntkProgram *program, const EntkNet *net, const EntkSamples *x, const EntkSamples *z,
			  const EntkGramOptions *options, EntkStore *store, EntkError *error);
/* The same for all nets of a trunk: its count of matrices, one behind the other, in the members' order. The same bits as
 * those of entk_gram net by net, in little more time than one of them takes. */
EntkStatus entk_gram_trunk(const EntkProgram *program, const EntkTrunk *trunk, const EntkSamples *x,
			   const EntkSamples *z, const EntkGramOptions *options, double *nngp, double *ntk,
			   EntkError *error);
/* The trunk that the net is on; NULL: none. */
const EntkTrunk *entk_trunk_of(const EntkProgram *program, const EntkNet *net);
/* Only K(x_i, x_i): x->count numbers each; the same bits as the diagonal of the Gram of x with itself. */
EntkStatus entk_gram_diagonal(const EntkProgram *program, const EntkNet *net, const EntkSamples *x,
			      const EntkGramOptions *options, double *nngp, double *ntk, EntkError *error);

/* Bytes that entk_gram needs beside samples and outputs. */
size_t entk_gram_memory(const EntkProgram *program, const EntkNet *net, size_t x_count, size_t z_count,
			const EntkGramOptions *options);
/* Seconds that one thread needs per pair, both kernels or NNGP alone, measured on a few pairs of x. */
EntkStatus entk_gram_calibrate(const EntkProgram *program, const EntkNet *net, const EntkSamples *x,
			       const EntkGramOptions *options, bool with_ntk, double *seconds_per_pair,
			       EntkError *error);

#endif
