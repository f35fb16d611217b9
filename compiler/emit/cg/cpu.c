/* CPU names: which instructions a name stands for, and how wide its vectors are.
 *
 * A name is mapped to one of a few levels (x86-64-v1 .. v4, AArch64 with NEON). The level decides the instructions,
 * the name itself only the scheduling model: so what a program needs of the machine it runs on is a short list that
 * can be checked at its start, and a program compiled for one CPU runs on all of its level. Features beyond a level
 * (crypto, bf16, ..) are of no use to these kernels. */
#include "emit/cg/cg.h"

#include <string.h>

#include "base/diag.h"
#include "emit/emit.h"

typedef enum Level { LEVEL_V1, LEVEL_V2, LEVEL_V2_AVX, LEVEL_V3, LEVEL_V4, LEVEL_NEON, LEVEL_COUNT } Level;

#define PROC_V2 "cx16,lahf_lm,popcnt,pni,ssse3,sse4_1,sse4_2"
#define PROC_V3 PROC_V2 ",avx,avx2,bmi1,bmi2,f16c,fma,abm,movbe"
#define PROC_V4 PROC_V3 ",avx512f,avx512bw,avx512cd,avx512dq,avx512vl"

static const struct {
	const char *cpu, *features, *proc_features;
	unsigned vector_bytes;
	bool has_fma;
} levels[] = {
	[LEVEL_V1] = {"x86-64", "", "sse2", 16, false},
	[LEVEL_V2] = {"x86-64-v2", "", PROC_V2, 16, false},
	[LEVEL_V2_AVX] = {"x86-64-v2", "+avx", PROC_V2 ",avx", 32, false},
	[LEVEL_V3] = {"x86-64-v3", "", PROC_V3, 32, true},
	[LEVEL_V4] = {"x86-64-v4", "", PROC_V4, 64, true},
	[LEVEL_NEON] = {"generic", "+neon", "fp,asimd", 16, true},
};
_Static_assert(sizeof levels / sizeof *levels == LEVEL_COUNT, "one row per level");

/* The names of LLVM 19, blank-separated. */
static const struct {
	Level level;
	const char *names;
} known[] = {
	{LEVEL_V1,
	 "x86-64 amdfam10 athlon-fx athlon64 athlon64-sse3 atom barcelona bonnell btver1 core2 k8 k8-sse3 nocona "
	 "opteron opteron-sse3 penryn"},
	{LEVEL_V2, "x86-64-v2 corei7 goldmont goldmont-plus nehalem silvermont slm tremont westmere"},
	{LEVEL_V2_AVX, "bdver1 bdver2 bdver3 btver2 core-avx-i corei7-avx ivybridge sandybridge"},
	{LEVEL_V3, "x86-64-v3 alderlake arrowlake arrowlake-s bdver4 broadwell clearwaterforest core-avx2 gracemont "
		   "grandridge haswell knl knm lunarlake meteorlake pantherlake raptorlake sierraforest skylake znver1 "
		   "znver2 znver3"},
	{LEVEL_V4,
	 "x86-64-v4 cannonlake cascadelake cooperlake emeraldrapids graniterapids graniterapids-d "
	 "icelake-client icelake-server rocketlake sapphirerapids skx skylake-avx512 tigerlake znver4 znver5"},
	{LEVEL_NEON,
	 "generic-aarch64 a64fx ampere1 ampere1a ampere1b apple-m1 apple-m2 apple-m3 apple-m4 carmel "
	 "cortex-a53 cortex-a55 cortex-a57 cortex-a72 cortex-a73 cortex-a75 cortex-a76 cortex-a77 cortex-a78 "
	 "cortex-a710 cortex-a715 cortex-a720 cortex-x1 cortex-x2 cortex-x3 cortex-x4 cortex-x925 falkor kryo "
	 "neoverse-512tvb neoverse-e1 neoverse-n1 neoverse-n2 neoverse-n3 neoverse-v1 neoverse-v2 "
	 "neoverse-v3 oryon-1 thunderx thunderx2t99 thunderx3t110 tsv110"},
};

static bool word_of(const char *words, const char *word, char separator)
{
	size_t length = strlen(word);
	if (length == 0 || strchr(word, separator) != NULL)
		return false;
	for (const char *at = words; (at = strstr(at, word)) != NULL; at += length) {
		if ((at == words || at[-1] == separator) && (at[length] == separator || at[length] == '\0'))
			return true;
	}
	return false;
}

static bool find_level(const char *cpu, Level *level)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (word_of(known[i].names, cpu, ' ')) {
			*level = known[i].level;
			return true;
		}
	}
	return false;
}

bool emit_cpu_known(const char *name)
{
	Level level;
	return find_level(name, &level);
}

/* Machines differ from their name (a hypervisor may hide AVX-512): the host's level is taken from what it has.
 * `features` is LLVM's list, "+avx,-xop,..". */
static Level host_x86_level(const char *features)
{
	static const struct {
		Level level;
		const char *needs;
	} steps[] = {
		{LEVEL_V2, "+cx16 +sahf +popcnt +sse3 +ssse3 +sse4.1 +sse4.2"},
		{LEVEL_V2_AVX, "+avx"},
		{LEVEL_V3, "+avx2 +bmi +bmi2 +f16c +fma +lzcnt +movbe"},
		{LEVEL_V4, "+avx512f +avx512bw +avx512cd +avx512dq +avx512vl"},
	};
	Level level = LEVEL_V1;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		for (const char *at = steps[i].needs; *at != '\0';) {
			size_t length = strcspn(at, " ");
			char word[16] = "";
			ENTK_ASSERT(length < sizeof word);
			memcpy(word, at, length);
			if (!word_of(features, word, ','))
				return level;
			at += length + (at[length] == ' ');
		}
		level = steps[i].level;
	}
	return level;
}

static bool is_aarch64(const char *triple)
{
	return strncmp(triple, "aarch64", 7) == 0 || strncmp(triple, "arm64", 5) == 0;
}

bool emit_cpu_links_here(const char *name)
{
	Level level;
	char *triple = LLVMGetDefaultTargetTriple();
	bool here = find_level(name, &level) && is_aarch64(triple) == (level == LEVEL_NEON);
	LLVMDisposeMessage(triple);
	return here;
}

void emit_cpu_list(FILE *to)
{
	enum { WIDTH = 80 };
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		unsigned column = WIDTH;
		fprintf(to, "%svectors of %u bits%s%s:", i ? "\n" : "", 8 * levels[known[i].level].vector_bytes,
			levels[known[i].level].has_fma ? ", fused multiply-add" : "",
			known[i].level == LEVEL_NEON ? ", AArch64: objects only" : "");
		for (const char *at = known[i].names; *at;) {
			unsigned length = (unsigned)strcspn(at, " ");
			if (column + 1 + length > WIDTH) {
				fputs("\n ", to);
				column = 1;
			}
			fprintf(to, " %.*s", (int)length, at);
			column += 1 + length;
			at += length + (at[length] == ' ');
		}
		putc('\n', to);
	}
}

bool cg_target_find(Arena *arena, const char *cpu, CgTarget *target)
{
	char *host_triple = LLVMGetDefaultTargetTriple();
	bool host_aarch64 = is_aarch64(host_triple);
	Level level;
	const char *tune;
	if (cpu == NULL) {
		char *name = LLVMGetHostCPUName();
		char *features = LLVMGetHostCPUFeatures();
		Level ignored;
		level = host_aarch64 ? LEVEL_NEON : host_x86_level(features);
		tune = find_level(name, &ignored) ? arena_copy(arena, name, strlen(name)) : "generic";
		LLVMDisposeMessage(name);
		LLVMDisposeMessage(features);
	} else if (find_level(cpu, &level)) {
		bool generic = strncmp(cpu, "x86-64", 6) == 0 || strcmp(cpu, "generic-aarch64") == 0;
		tune = generic ? "generic" : arena_copy(arena, cpu, strlen(cpu));
	} else {
		LLVMDisposeMessage(host_triple);
		return false;
	}
	bool aarch64 = level == LEVEL_NEON;
	const char *foreign = aarch64 ? "aarch64-linux-gnu" : "x86_64-pc-linux-gnu";
	*target = (CgTarget){
		.triple = host_aarch64 == aarch64 ? arena_copy(arena, host_triple, strlen(host_triple)) : foreign,
		.cpu = levels[level].cpu,
		.tune = tune,
		.features = levels[level].features,
		.proc_features = levels[level].proc_features,
		.vector_bytes = levels[level].vector_bytes,
		.has_fma = levels[level].has_fma,
		.host_arch = host_aarch64 == aarch64,
	};
	LLVMDisposeMessage(host_triple);
	return true;
}
