/* The contract between a generated program and libentk: one descriptor table per program.
 *
 * A generated object exports `entk_program()`; libentk's main, or any other program, reads everything from the table
 * it returns. Data layouts are stated at each field. `real` below is float or double, as `precision` says.
 * Nothing here allocates; all functions may be called from many threads at once with different workspaces. */
#ifndef ENTK_ABI_H
#define ENTK_ABI_H

#include <stddef.h>
#include <stdint.h>

#define ENTK_ABI_VERSION 4u

/* One call of a kernel: the kernels of n_left x n_right pairs of samples. In every pair the left sample is x. */
typedef struct EntkTile {
	const double *coefficients; /* made by EntkNet.coefficients */
	const void *x, *z;          /* real; samples one after another, channels last; x and z may be equal */
	const uint32_t *left;       /* n_left indices of samples of x */
	const uint32_t *right;      /* n_right indices of samples of z */
	uint32_t n_left, n_right;
	const double *state_x; /* EntkNet.state_size numbers per sample of x (made by EntkNet.prepare); NULL if 0 */
	const double *state_z; /* the same for z */
	const void *k0;        /* vector inputs only: real, n_left rows of `k0_stride`: (1/C) sum_c x_c z_c */
	size_t k0_stride;      /* at least n_right rounded up to a multiple of EntkNet.lanes */
	double *nngp;          /* out: n_left x n_right, row-major, leading dimension `out_stride` */
	double *ntk;           /* out, the same; NULL: only the NNGP is wanted */
	size_t out_stride;
	size_t out_plane; /* a trunk's kernel: its members' matrices begin so many numbers apart */
	void *workspace;  /* EntkNet.workspace_bytes, aligned to 64 bytes */
} EntkTile;

typedef struct EntkNet {
	const char *name;
	const char *summary; /* for users: "invariant under C4: yes; 4 recursions instead of 16"; NULL or "": nothing */
	const char *explanation; /* what the optimizer did: the lines of `entkc --explain=full`, for `info --full` */
	uint32_t dim;            /* axes of the input's grid; 0 for a vector */
	uint32_t shape[3];       /* of the input's grid; 1 beyond dim */
	uint32_t channels;       /* of the input; a vector's length */
	uint32_t lanes;          /* pairs per SIMD group; kernels pad n_right to a multiple by themselves */
	uint32_t coefficient_count;
	uint32_t state_size; /* doubles per sample that are prepared once per sample; 0: prepare is not called */
	uint32_t tile_left,
		tile_right;     /* recommended sizes of a tile; also the largest that `workspace_bytes` allows */
	size_t workspace_bytes; /* per thread */
	double steps_per_pair; /* position pairs through one convolution and its nonlinearity, for ns/step; 0 if none */
	double operations_per_pair; /* predicted floating-point operations, NNGP and NTK */
	uint64_t hash;              /* of the architecture: equal iff the compiled kernels are the same */

	/* coefficients[coefficient_count] from params[EntkProgram.param_count]. */
	void (*coefficients)(const double *params, double *coefficients);
	/* Fill state_x of the samples left[0..n_left): `tile` with right, z, outputs unused. `state` is the array that
	 * later calls take as state_x. For vector inputs k0 holds, per left sample, n_left numbers: (1/C) |x|^2. */
	void (*prepare)(const EntkTile *tile, double *state);
	/* The kernels of all pairs of the tile. */
	void (*kernel)(const EntkTile *tile);
} EntkNet;

/* Nets of the program with the same layers up to a vector. Kernels of all of them in one go cost little more than those of
 * one, and have the same bits as each net's own. */
typedef struct EntkTrunk {
	uint32_t count;          /* members: at least 2 */
	const uint32_t *members; /* indices into EntkProgram.nets, ascending */
	EntkNet all;             /* its kernel fills one matrix per member, EntkTile.out_plane apart */
} EntkTrunk;

typedef struct EntkParam {
	const char *name;
	double value; /* default */
} EntkParam;

typedef struct EntkSource {
	const char *path; /* as it was named */
	const unsigned char *text;
	size_t length;
} EntkSource;

/* What the program was compiled from, as entkc read it: enough to parse and check the networks once more, which `check`
 * does to make finite networks of them. Nothing else reads it. */
typedef struct EntkSources {
	/* The file given to entkc first, then those it includes; a file that was named in two spellings stands twice, with
	 * the same `text`. */
	uint32_t file_count;
	const EntkSource *files;
	uint32_t include_dir_count;
	const char *const *include_dirs; /* -I, in order */
	uint32_t set_count;
	const char *const *sets; /* entkc --set, "NAME=EXPR" */
} EntkSources;

typedef struct EntkProgram {
	uint32_t abi_version; /* ENTK_ABI_VERSION */
	uint32_t precision;   /* 32 or 64 */
	const char *compiler; /* version of entkc */
	const char *cpu;      /* LLVM's name of the CPU that the kernels were compiled for */
	const char *
		cpu_features; /* comma-separated features that must be present, as in /proc/cpuinfo ("avx2,fma"); "" if none */
	uint32_t vector_bits; /* of a register; the lanes of a net may fill several */
	const char *source;   /* base name of the .entk file */
	uint32_t net_count;
	const EntkNet *nets;
	uint32_t param_count;
	const EntkParam *params;
	uint32_t trunk_count;
	const EntkTrunk *trunks;    /* each net is in at most one */
	const EntkSources *sources; /* NULL: not carried */
} EntkProgram;

const EntkProgram *entk_program(void);

#endif
