/* From networks to native code: lowering, planning and LLVM in one call. Only emit/ and driver/link.c know that LLVM and
 * the linker exist. */
#ifndef ENTK_EMIT_H
#define ENTK_EMIT_H

#include <stdbool.h>
#include <stdio.h>

#include "entk_abi.h"
#include "network/network.h"

typedef enum EmitForm {
	EMIT_RECURSION, /* the recursion program, readable */
	EMIT_LLVM_IR,   /* before optimization */
	EMIT_ASM,
	EMIT_OBJECT,  /* position-independent, for a program or a shared library */
	EMIT_SUMMARY, /* per net: invariance, number of recursions, predicted time */
	EMIT_EXPLAIN  /* what was reduced and fused, needed displacements, predicted cost */
} EmitForm;

typedef struct EmitOptions {
	bool f32;
	const char *cpu;             /* LLVM CPU name, or x86-64-v2|v3|v4, generic-aarch64, NULL: the host */
	const char *const *disabled; /* names of optimizations that are off (--disable=NAME) */
	size_t disabled_count;
	const char *source_name; /* base name of the .entk file */
	const char *compiler_version;
	const EntkSources *sources; /* for the program's table; NULL: it carries none */
} EmitOptions;

/* Write `form` to `path` ("-": stdout). On failure returns false and sets *error to one line (arena). */
bool emit_program(Arena *arena, const Program *program, const EmitOptions *options, EmitForm form, const char *path,
		  char **error);

/* Names accepted by --disable, NULL-terminated. */
extern const char *const emit_optimizations[];
/* Is `name` a CPU that emit_program knows? */
bool emit_cpu_known(const char *name);
/* Does this machine's linker take what is compiled for the CPU `name`? */
bool emit_cpu_links_here(const char *name);
/* All names, by the instructions that they stand for. */
void emit_cpu_list(FILE *to);

#endif
