/* Nets of other programs in a comparison.
 *
 * The other program runs its own `gram` command on the very samples that are compared, which stand in files of a temporary folder in
 * the type that the data set has (so that bytes are scaled as they are elsewhere), and writes its kernels there. Programs of any
 * precision, CPU or version can be compared so, with the same training sets; loading their code into this process could not. */
#include "compare/compare.h"

#include "arrays/npz_writer.h"
#include "numerics/linalg.h"
#include "output/child.h"
#include "output/text.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* PROBE: one sample, for which all nets' kernels are quick; the answer lists the nets. */
enum { PROBE, POOL, TEST, VAL, PROBE_KERNELS, POOL_KERNELS, TEST_KERNELS, VAL_KERNELS, FILES };

static const char *const file_names[FILES] = {"probe.npz",        "pool.npz",          "test.npz",
					      "val.npz",          "probe_kernels.npz", "pool_kernels.npz",
					      "test_kernels.npz", "val_kernels.npz"};

typedef struct Folder {
	char *path;
	char *files[FILES];
} Folder;

/* ---- the folder -------------------------------------------------------------------------------------------------- */

static void folder_remove(Folder *folder)
{
	for (int i = 0; i < FILES; i++) {
		if (folder->files[i])
			unlink(folder->files[i]);
		free(folder->files[i]);
	}
	if (folder->path)
		rmdir(folder->path);
	free(folder->path);
}

static EntkStatus folder_create(Folder *folder, EntkError *error)
{
	const char *parent = getenv("TMPDIR");
	EntkText path = {0};
	memset(folder, 0, sizeof *folder);
	entk_text_add(&path, "%s/entk-compare-XXXXXX", parent && *parent ? parent : "/tmp");
	if (path.failed)
		return entk_fail_memory(error, "a file's name", path.size);
	if (!mkdtemp(path.bytes)) {
		entk_fail(error, ENTK_SYSTEM, path.bytes, "cannot make a temporary folder: %s", strerror(errno));
		entk_text_destroy(&path);
		return error->status;
	}
	folder->path = path.bytes;
	for (int i = 0; i < FILES; i++) {
		EntkText file = {0};
		entk_text_add(&file, "%s/%s", folder->path, file_names[i]);
		if (file.failed)
			return entk_fail_memory(error, "a file's name", file.size);
		folder->files[i] = file.bytes;
	}
	return ENTK_OK;
}

/* Samples of a part as they are in the data set; `chosen` NULL: all. */
static EntkStatus write_samples(EntkCompare *compare, EntkPartName part, const size_t *chosen, size_t count,
				const char *path, EntkError *error)
{
	EntkArray array = {0};
	EntkNpzWriter *writer = NULL;
	EntkStatus status = entk_npz_read(compare->dataset.npz, compare->dataset.parts[part].x_key, &array, error);
	if (status != ENTK_OK)
		return status;
	size_t bytes = array.count / array.shape[0] * entk_type_size(array.type);
	char *rows = array.data;
	/* Chosen samples ascend: each moves down, over what is not needed any more. */
	for (size_t i = 0; chosen && i < count; i++)
		memmove(rows + i * bytes, rows + chosen[i] * bytes, bytes);
	array.shape[0] = count;
	status = entk_npz_writer_create(path, count * bytes, &writer, error);
	if (status == ENTK_OK)
		status = entk_npz_writer_add(writer, "x", array.type, array.rank, array.shape, array.data, error);
	if (status == ENTK_OK)
		status = entk_npz_writer_commit(writer, error);
	entk_npz_writer_destroy(writer);
	entk_array_destroy(&array);
	return status;
}

static EntkStatus write_all_samples(EntkCompare *compare, const Folder *folder, EntkError *error)
{
	EntkStatus status = write_samples(compare, ENTK_PART_TRAIN, NULL, 1, folder->files[PROBE], error);
	if (status == ENTK_OK)
		status = write_samples(compare, ENTK_PART_TRAIN, compare->pool, compare->pool_count,
				       folder->files[POOL], error);
	if (status == ENTK_OK)
		status = write_samples(compare, ENTK_PART_TEST, compare->test, compare->test_count, folder->files[TEST],
				       error);
	if (status == ENTK_OK && compare->val_count)
		status = write_samples(compare, ENTK_PART_VAL, NULL, compare->val_count, folder->files[VAL], error);
	return status;
}

/* ---- the other program ------------------------------------------------------------------------------------------- */

static EntkStatus cannot_start(const char *program, int failure, EntkError *error)
{
	entk_fail(error, ENTK_SYSTEM, program, "cannot start this program: %s", strerror(failure));
	return entk_fix(error, "--with takes the path of a program that entkc made");
}

/* What `PROGRAM --version` prints, cut to size - 1 bytes; what it says on stderr is dropped. */
static EntkStatus read_version(const char *program, char *text, size_t size, EntkError *error)
{
	char *argv[] = {(char *)program, "--version", NULL};
	posix_spawn_file_actions_t actions;
	int ends[2], status;
	pid_t child;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return entk_fail(error, ENTK_SYSTEM, program, "cannot make a pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	int failure = posix_spawn(&child, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	text[0] = '\0';
	if (failure == 0)
		entk_child_read(ends[0], text, size);
	close(ends[0]);
	if (failure != 0)
		return cannot_start(program, failure, error);
	return entk_child_wait(child, program, &status, NULL, error);
}

/* Anything can stand behind --with; what is not ours would answer `gram` with messages of its own, or do something. */
static EntkStatus check_program(const char *program, EntkError *error)
{
	char version[4096];
	EntkStatus status = read_version(program, version, sizeof version, error);
	if (status != ENTK_OK || strstr(version, "compiled by entkc"))
		return status;
	entk_fail(error, ENTK_INPUT, program, "not a program that entkc made: its --version does not say so");
	return entk_fix(error, "--with takes such a program; kernels in a file are added with --gram NAME=FILE");
}

/* The other program has said what is wrong; its exit status says of which kind that is. */
static EntkStatus child_failed(const char *program, int status, EntkError *error)
{
	if (!WIFEXITED(status))
		return entk_fail(error, ENTK_SYSTEM, program, "its gram command was killed by signal %d",
				 WTERMSIG(status));
	int code = WEXITSTATUS(status);
	EntkStatus kind = code == 1     ? ENTK_INPUT
			  : code == 2   ? ENTK_NUMERICAL
			  : code == 130 ? ENTK_INTERRUPTED
					: ENTK_SYSTEM;
	return entk_fail(error, kind, program, "its gram command ended with status %d", code);
}

/* One run of the other program. */
typedef struct Call {
	const char *program, *net; /* net NULL: all */
	int x, z, output;          /* files; z -1: none */
} Call;

/* PROGRAM gram X [Z] -o OUTPUT, of the one kernel. *peak becomes the program's peak memory in bytes, if that is more. */
static EntkStatus run_gram(EntkCompare *compare, const Folder *folder, Call call, double *peak, EntkError *error)
{
	char kernel[32], threads[32];
	char *argv[16] = {(char *)call.program, "gram", folder->files[call.x]};
	int count = 3, status;
	struct rusage usage;
	pid_t child;
	snprintf(kernel, sizeof kernel, "--kernel=%s", entk_learn_kernel(&compare->line.learn));
	snprintf(threads, sizeof threads, "--threads=%u", entk_thread_count(compare->line.common.threads));
	if (call.z >= 0)
		argv[count++] = folder->files[call.z];
	argv[count++] = "-o";
	argv[count++] = folder->files[call.output];
	argv[count++] = kernel;
	argv[count++] = threads;
	argv[count++] = compare->line.common.show_progress && call.x != PROBE ? "--progress" : "--quiet";
	if (call.net) {
		argv[count++] = "--net";
		argv[count++] = (char *)call.net;
	}
	int failure = posix_spawn(&child, call.program, NULL, NULL, argv, environ);
	if (failure != 0)
		return cannot_start(call.program, failure, error);
	if (entk_child_wait(child, call.program, &status, &usage, error) != ENTK_OK)
		return error->status;
	*peak = fmax(*peak, 1024.0 * (double)usage.ru_maxrss);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ENTK_OK : child_failed(call.program, status, error);
}

static EntkStatus run_net(EntkCompare *compare, const char *program, const char *net, const Folder *folder,
			  double *peak, EntkError *error)
{
	EntkStatus status = run_gram(compare, folder, (Call){program, net, POOL, -1, POOL_KERNELS}, peak, error);
	if (status == ENTK_OK)
		status = run_gram(compare, folder, (Call){program, net, TEST, POOL, TEST_KERNELS}, peak, error);
	if (status == ENTK_OK && compare->val_count)
		status = run_gram(compare, folder, (Call){program, net, VAL, POOL, VAL_KERNELS}, peak, error);
	return status;
}

/* ---- its kernels ------------------------------------------------------------------------------------------------- */

/* The rows x columns matrix `key` of a file, into `values`. */
static EntkStatus read_matrix(const char *path, const char *key, size_t rows, size_t columns, double *values,
			      EntkError *error)
{
	EntkNpz *npz;
	EntkNpyHeader header;
	EntkStatus status = entk_npz_open(path, &npz, error);
	if (status == ENTK_OK)
		status = entk_npz_header(npz, key, &header, error);
	if (status == ENTK_OK && (header.rank != 2 || header.shape[0] != rows || header.shape[1] != columns))
		status = entk_fail(error, ENTK_INPUT, entk_npz_where(npz, key), "not %zu x %zu", rows, columns);
	if (status == ENTK_OK)
		status = entk_npz_read_values(npz, key, ENTK_F64, 1, values, error);
	entk_npz_close(npz);
	return status;
}

static EntkStatus read_kernels(const EntkCompare *compare, const Folder *folder, EntkCompareKernels *kernels,
			       EntkError *error)
{
	size_t pool = compare->pool_count, test = compare->test_count, val = compare->val_count;
	const char *key = entk_learn_kernel(&compare->line.learn);
	kernels->pool = entk_linalg_matrix(pool, pool, "the Gram matrix", error);
	kernels->cross = entk_linalg_matrix(test + val, pool, "the kernels of test and training samples", error);
	if (!kernels->pool || !kernels->cross)
		return error->status;
	EntkStatus status = read_matrix(folder->files[POOL_KERNELS], key, pool, pool, kernels->pool, error);
	if (status == ENTK_OK)
		status = read_matrix(folder->files[TEST_KERNELS], key, test, pool, kernels->cross, error);
	if (status == ENTK_OK && val)
		status = read_matrix(folder->files[VAL_KERNELS], key, val, pool, kernels->cross + test * pool, error);
	return status;
}

/* One net: `key` is "NAME.ntk", or "ntk" in a program with a single net, which is then called like the program. */
static EntkStatus use_net(EntkCompare *compare, const char *program, const Folder *folder, const char *key,
			  EntkCompareUse use, EntkError *error)
{
	EntkCompareKernels kernels = {0};
	EntkCompareNet *net;
	const char *slash = strrchr(program, '/'), *dot = strrchr(key, '.');
	double peak = 0, start = entk_now();
	char name[160];
	snprintf(name, sizeof name, "%.*s", (int)(dot && dot - key < 128 ? dot - key : 128), key);
	EntkStatus status = run_net(compare, program, dot ? name : NULL, folder, &peak, error);
	double seconds = entk_now() - start;
	if (status == ENTK_OK)
		status = read_kernels(compare, folder, &kernels, error);
	if (status == ENTK_OK)
		status = entk_compare_add(compare, dot ? name : slash ? slash + 1 : program, program, &net, error);
	if (status == ENTK_OK) {
		net->gram_seconds = seconds;
		net->memory = peak;
		status = use(compare, net, &kernels, error);
	}
	free(kernels.pool);
	free(kernels.cross);
	return status;
}

EntkStatus entk_compare_program(EntkCompare *compare, const char *path, EntkCompareUse use, EntkError *error)
{
	Folder folder;
	EntkNpz *nets = NULL;
	double peak = 0;
	EntkStatus status = check_program(path, error);
	if (status != ENTK_OK)
		return status;
	status = folder_create(&folder, error);
	if (status == ENTK_OK)
		status = write_all_samples(compare, &folder, error);
	if (status == ENTK_OK)
		status = run_gram(compare, &folder, (Call){path, NULL, PROBE, -1, PROBE_KERNELS}, &peak, error);
	if (status == ENTK_OK)
		status = entk_npz_open(folder.files[PROBE_KERNELS], &nets, error);
	for (size_t i = 0; status == ENTK_OK && i < entk_npz_count(nets); i++)
		status = use_net(compare, path, &folder, entk_npz_key(nets, i), use, error);
	entk_npz_close(nets);
	folder_remove(&folder);
	return status;
}
