/* A module's life: creation for one CPU, verification, optimization, output. */
#include "emit/cg/cg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "base/diag.h"

static char *take_message(Arena *arena, char *message)
{
	char *copy = arena_copy(arena, message, strlen(message));
	LLVMDisposeMessage(message);
	return copy;
}

static void initialize_targets(void)
{
	LLVMInitializeX86TargetInfo();
	LLVMInitializeX86Target();
	LLVMInitializeX86TargetMC();
	LLVMInitializeX86AsmPrinter();
	LLVMInitializeAArch64TargetInfo();
	LLVMInitializeAArch64Target();
	LLVMInitializeAArch64TargetMC();
	LLVMInitializeAArch64AsmPrinter();
}

static void make_types(Cg *cg)
{
	LLVMContextRef context = cg->context;
	cg->t_void = LLVMVoidTypeInContext(context);
	cg->t_i1 = LLVMInt1TypeInContext(context);
	cg->t_i8 = LLVMInt8TypeInContext(context);
	cg->t_i32 = LLVMInt32TypeInContext(context);
	cg->t_i64 = LLVMInt64TypeInContext(context);
	cg->t_f32 = LLVMFloatTypeInContext(context);
	cg->t_f64 = LLVMDoubleTypeInContext(context);
	cg->t_ptr = LLVMPointerTypeInContext(context, 0);
	cg->t_real = cg->f32 ? cg->t_f32 : cg->t_f64;
	cg_use_registers(cg, 1);
}

void cg_use_registers(Cg *cg, unsigned registers)
{
	ENTK_ASSERT(cg->function == NULL && registers <= 4);
	cg->lanes = registers * cg->target.vector_bytes / (cg->f32 ? 4 : 8);
	cg->t_lane = LLVMVectorType(cg->t_real, cg->lanes);
	cg->t_lane_f64 = LLVMVectorType(cg->t_f64, cg->lanes);
}

Cg *cg_create(Arena *arena, const CgOptions *options, char **error)
{
	initialize_targets();
	CgTarget target;
	if (!cg_target_find(arena, options->cpu, &target)) {
		*error = arena_printf(arena, "unknown CPU \"%s\"", options->cpu);
		return NULL;
	}
	LLVMTargetRef architecture;
	char *message = NULL;
	if (LLVMGetTargetFromTriple(target.triple, &architecture, &message)) {
		*error = take_message(arena, message);
		return NULL;
	}
	LLVMTargetMachineRef machine =
		LLVMCreateTargetMachine(architecture, target.triple, target.cpu, target.features,
					LLVMCodeGenLevelAggressive, LLVMRelocPIC, LLVMCodeModelDefault);
	if (machine == NULL) {
		*error = arena_printf(arena, "LLVM cannot generate code for \"%s\"", target.triple);
		return NULL;
	}
	Cg *cg = ARENA_NEW(arena, Cg);
	cg->arena = arena;
	cg->target = target;
	cg->machine = machine;
	cg->context = LLVMContextCreate();
	cg->module = LLVMModuleCreateWithNameInContext(options->module_name, cg->context);
	cg->builder = LLVMCreateBuilderInContext(cg->context);
	cg->layout = LLVMCreateTargetDataLayout(machine);
	LLVMSetSourceFileName(cg->module, options->module_name, strlen(options->module_name));
	LLVMSetTarget(cg->module, target.triple);
	LLVMSetModuleDataLayout(cg->module, cg->layout);
	cg->f32 = options->f32;
	make_types(cg);
	return cg;
}

void cg_destroy(Cg *cg)
{
	if (cg == NULL)
		return;
	LLVMDisposeBuilder(cg->builder);
	LLVMDisposeModule(cg->module);
	LLVMContextDispose(cg->context);
	LLVMDisposeTargetData(cg->layout);
	LLVMDisposeTargetMachine(cg->machine);
}

_Noreturn void cg_module_broken(Cg *cg, const char *where)
{
	const char *directory = getenv("TMPDIR");
	char *path = arena_printf(cg->arena, "%s/entkc-XXXXXX.ll", directory != NULL ? directory : "/tmp");
	int file = mkstemps(path, 3);
	char *text = LLVMPrintModuleToString(cg->module);
	FILE *out = file < 0 ? NULL : fdopen(file, "w");
	if (out != NULL) {
		fputs(text, out);
		fclose(out);
	}
	char *reason = NULL;
	LLVMVerifyModule(cg->module, LLVMReturnStatusAction, &reason);
	ICE("LLVM refuses the module in %s: %s(the module is saved as %s)", where, reason != NULL ? reason : "",
	    out != NULL ? path : "nothing: no temporary file can be written");
}

static void verify(Cg *cg, const char *when)
{
	char *reason = NULL;
	if (LLVMVerifyModule(cg->module, LLVMReturnStatusAction, &reason))
		cg_module_broken(cg, when);
	LLVMDisposeMessage(reason);
}

void cg_optimize(Cg *cg)
{
	ENTK_ASSERT(cg->function == NULL);
	verify(cg, "generated code");
	/* Lanes are vectors already, and the emitter says which loops are worth unrolling. */
	LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
	LLVMPassBuilderOptionsSetLoopVectorization(options, 0);
	LLVMPassBuilderOptionsSetSLPVectorization(options, 0);
	LLVMPassBuilderOptionsSetLoopInterleaving(options, 0);
	LLVMPassBuilderOptionsSetLoopUnrolling(options, 0);
	LLVMErrorRef failure = LLVMRunPasses(cg->module, "default<O2>", cg->machine, options);
	LLVMDisposePassBuilderOptions(options);
	if (failure != NULL)
		ICE("LLVM's passes failed: %s", LLVMGetErrorMessage(failure));
	verify(cg, "optimized code");
}

char *cg_module_text(Cg *cg)
{
	return take_message(cg->arena, LLVMPrintModuleToString(cg->module));
}

static bool write_bytes(Arena *arena, const char *path, const char *bytes, size_t size, char **error)
{
	bool to_stdout = strcmp(path, "-") == 0;
	FILE *out = to_stdout ? stdout : fopen(path, "wb");
	if (out == NULL) {
		*error = arena_printf(arena, "cannot write \"%s\": %s", path, strerror(errno));
		return false;
	}
	bool good = fwrite(bytes, 1, size, out) == size;
	good = fflush(out) == 0 && good;
	int reason = errno;
	if (!to_stdout && fclose(out) != 0) {
		good = false;
		reason = errno;
	}
	if (!good) {
		*error = arena_printf(arena, "cannot write \"%s\": %s", path, strerror(reason));
		if (!to_stdout)
			remove(path);
	}
	return good;
}

bool cg_write(Cg *cg, CgForm form, const char *path, char **error)
{
	ENTK_ASSERT(cg->function == NULL);
	if (form == CG_FORM_IR) {
		const char *text = cg_module_text(cg);
		return write_bytes(cg->arena, path, text, strlen(text), error);
	}
	LLVMCodeGenFileType type = form == CG_FORM_ASM ? LLVMAssemblyFile : LLVMObjectFile;
	LLVMMemoryBufferRef buffer = NULL;
	char *message = NULL;
	if (LLVMTargetMachineEmitToMemoryBuffer(cg->machine, cg->module, type, &message, &buffer)) {
		*error = take_message(cg->arena, message);
		return false;
	}
	bool good = write_bytes(cg->arena, path, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer), error);
	LLVMDisposeMemoryBuffer(buffer);
	return good;
}
