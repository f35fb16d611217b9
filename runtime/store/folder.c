/* The folder of a gram store and the parts in it: see store.h. */
#include "store/internal.h"

#include "base/path.h"
#include "store/lock.h"
#include "store/store.h"
#include "support/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Large enough for any list of params that a command line can set. */
#define MAX_HEADER (1 << 24)

static const char *const header_names[2] = {"header", "header.copy"};

struct EntkGramFolder {
	char *path;
	bool write;
	int lock;
};

EntkStatus entk_gram_failure(EntkError *error, const char *where, const char *doing, int number)
{
	entk_fail(error, ENTK_SYSTEM, where, "cannot %s: %s", doing, strerror(number));
	if (number == ENOSPC || number == EDQUOT)
		return entk_fix(error, "free some space and give the same command again: finished tiles are kept");
	if (number == EFBIG)
		return entk_fix(error, "raise the limit of file sizes (ulimit -f) and give the same command again");
	return error->status;
}

/* "FOLDER/NAME", or NULL with *error set. */
static char *join(const char *folder, const char *name, EntkError *error)
{
	char *path;
	if (asprintf(&path, "%s/%s", folder, name) >= 0)
		return path;
	entk_fail_memory(error, "a file's name", strlen(folder) + strlen(name) + 2);
	return NULL;
}

/* New names in a folder survive a power failure. Some file systems cannot sync folders. */
static void sync_folder(const char *path)
{
	int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file < 0)
		return;
	(void)fsync(file);
	close(file);
}

/* ---- folder ---------------------------------------------------------------------------------------------------- */

static size_t trimmed_length(const char *path)
{
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	return length;
}

bool entk_gram_folder_name(const char *path)
{
	size_t length = trimmed_length(path);
	return length > 5 && memcmp(path + length - 5, ".gram", 5) == 0;
}

/* Makes the folder unless it is there. */
static EntkStatus make_folder(const char *path, const char *parent, EntkError *error)
{
	struct stat info;
	if (mkdir(path, 0777) == 0) {
		sync_folder(parent);
		return ENTK_OK;
	}
	if (errno != EEXIST) {
		entk_gram_failure(error, path, "make the store's folder", errno);
		return error->fix[0] ? error->status
				     : entk_fix(error, "the folder above it must exist and be writable");
	}
	if (stat(path, &info) != 0)
		return entk_gram_failure(error, path, "make the store's folder", errno);
	if (!S_ISDIR(info.st_mode))
		return entk_fail(error, ENTK_SYSTEM, path, "a file, expected a gram store, which is a folder");
	return ENTK_OK;
}

static EntkStatus make_store_folder(const char *path, EntkError *error)
{
	const char *slash = strrchr(path, '/');
	char *parent = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	if (!parent)
		return entk_fail_memory(error, "a file's name", strlen(path));
	EntkStatus status = make_folder(path, parent, error);
	free(parent);
	return status;
}

static EntkStatus check_folder(const char *path, EntkError *error)
{
	struct stat info;
	if (stat(path, &info) != 0)
		return entk_fail(error, errno == ENOENT ? ENTK_INPUT : ENTK_SYSTEM, path, "cannot open: %s",
				 strerror(errno));
	if (S_ISDIR(info.st_mode))
		return ENTK_OK;
	entk_fail(error, ENTK_INPUT, path, "a file, expected a gram store, which is a folder");
	return entk_fix(error, "`gram X -o K.gram` makes one");
}

/* Without slashes at the end. A link to a folder that is still to be made is followed: mkdir itself does not. */
static EntkStatus folder_path(const char *path, char **folder, EntkError *error)
{
	struct stat info;
	*folder = strndup(path, trimmed_length(path));
	if (*folder && stat(*folder, &info) != 0 && lstat(*folder, &info) == 0) {
		char *followed = path_follow(*folder);
		if (!followed && errno != ENOMEM)
			return entk_gram_failure(error, path, "open", errno);
		free(*folder);
		*folder = followed;
	}
	return *folder ? ENTK_OK : entk_fail_memory(error, "a file's name", strlen(path));
}

EntkStatus entk_gram_folder_open(const char *path, bool write, EntkGramFolder **folder, EntkError *error)
{
	*folder = NULL;
	EntkGramFolder *new = entk_allocate(1, sizeof *new, "a store", error);
	if (!new)
		return error->status;
	new->write = write;
	new->lock = -1;
	EntkStatus status = folder_path(path, &new->path, error);
	if (status == ENTK_OK)
		status = write ? make_store_folder(new->path, error) : check_folder(new->path, error);
	if (status == ENTK_OK)
		status = entk_store_lock(new->path, write, &new->lock, error);
	if (status != ENTK_OK) {
		free(new->path);
		free(new);
		return status;
	}
	*folder = new;
	return ENTK_OK;
}

void entk_gram_folder_close(EntkGramFolder *folder)
{
	if (!folder)
		return;
	entk_store_unlock(folder->lock, folder->write);
	free(folder->path);
	free(folder);
}

const char *entk_gram_folder_path(const EntkGramFolder *folder)
{
	return folder->path;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* A subfolder with a header is a part. */
static bool has_header(const char *folder, const char *name)
{
	for (int copy = 0; copy < 2; copy++) {
		char *path;
		if (asprintf(&path, "%s/%s/%s", folder, name, header_names[copy]) < 0)
			return false;
		bool there = access(path, F_OK) == 0;
		free(path);
		if (there)
			return true;
	}
	return false;
}

EntkStatus entk_gram_folder_nets(const EntkGramFolder *folder, char ***nets, size_t *count, EntkError *error)
{
	struct dirent **entries;
	*nets = NULL;
	*count = 0;
	int found = scandir(folder->path, &entries, is_visible, alphasort);
	if (found < 0)
		return entk_gram_failure(error, folder->path, "list the store", errno);
	EntkStatus status = ENTK_OK;
	*nets = entk_allocate((size_t)found + 1, sizeof **nets, "a list of nets", error);
	if (!*nets)
		status = error->status;
	for (int i = 0; i < found; i++) {
		if (status == ENTK_OK && has_header(folder->path, entries[i]->d_name)) {
			(*nets)[*count] = strdup(entries[i]->d_name);
			if (!(*nets)[(*count)++])
				status = entk_fail_memory(error, "a list of nets", strlen(entries[i]->d_name));
		}
		free(entries[i]);
	}
	free(entries);
	if (status == ENTK_OK && *count == 0) {
		entk_fail(error, ENTK_INPUT, folder->path, "not a gram store: no net's part with a header is in it");
		status = entk_fix(error, "`gram X -o K.gram` makes one");
	}
	if (status != ENTK_OK) {
		entk_gram_folder_free_nets(*nets, *count);
		*nets = NULL;
		*count = 0;
	}
	return status;
}

void entk_gram_folder_free_nets(char **nets, size_t count)
{
	for (size_t i = 0; nets && i < count; i++)
		free(nets[i]);
	free(nets);
}

/* ---- header files ---------------------------------------------------------------------------------------------- */

/* A whole small file; ENOENT is not an error: *text stays NULL. */
static EntkStatus read_small(const char *path, char **text, size_t *size, EntkError *error)
{
	*text = NULL;
	*size = 0;
	struct stat info;
	int descriptor = entk_open_read(path, &info);
	if (descriptor < 0)
		return errno == ENOENT ? ENTK_OK : entk_gram_failure(error, path, "read", errno);
	FILE *file = fdopen(descriptor, "rb");
	if (!file) {
		close(descriptor);
		return entk_fail_memory(error, "a store's header", BUFSIZ);
	}
	EntkStatus status = ENTK_OK;
	if (!S_ISREG(info.st_mode) || info.st_size > MAX_HEADER)
		status = entk_fail(error, ENTK_INPUT, path, "not the header of a gram store");
	else if (!(*text = entk_allocate((size_t)info.st_size + 1, 1, "a store's header", error)))
		status = error->status;
	if (status == ENTK_OK) {
		*size = fread(*text, 1, (size_t)info.st_size, file);
		if (ferror(file))
			status = entk_gram_failure(error, path, "read", errno);
	}
	fclose(file);
	if (status != ENTK_OK) {
		free(*text);
		*text = NULL;
	}
	return status;
}

/* Written beside, synced, renamed: there is the whole file or none. */
static EntkStatus write_small(const char *path, const char *text, size_t size, EntkError *error)
{
	char *temporary;
	if (asprintf(&temporary, "%s.new", path) < 0)
		return entk_fail_memory(error, "a file's name", strlen(path));
	int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	ssize_t written = file < 0 ? -1 : write(file, text, size);
	if (written >= 0 && (size_t)written < size)
		errno = ENOSPC;
	bool good = written >= 0 && (size_t)written == size && fsync(file) == 0;
	int number = errno;
	if (file >= 0 && close(file) != 0 && good) {
		good = false;
		number = errno;
	}
	if (good && rename(temporary, path) != 0) {
		good = false;
		number = errno;
	}
	if (!good)
		unlink(temporary);
	free(temporary);
	return good ? ENTK_OK : entk_gram_failure(error, path, "write", number);
}

static char *header_path(const EntkGramStore *store, int copy, EntkError *error)
{
	return join(store->path, header_names[copy], error);
}

/* One copy of the header into *header, which stays zeroed unless the copy is good. Sets the copy's state. */
static EntkStatus read_copy(EntkGramStore *store, int copy, EntkStoreHeader *header, EntkError *error)
{
	char *text = NULL, *path = header_path(store, copy, error);
	size_t size;
	memset(header, 0, sizeof *header);
	EntkStatus status = path ? read_small(path, &text, &size, error) : error->status;
	if (status == ENTK_OK && text)
		status = entk_store_header_parse(path, text, size, header, error);
	store->header_state[copy] = status != ENTK_OK ? ENTK_HEADER_DAMAGED
				    : text            ? ENTK_HEADER_GOOD
						      : ENTK_HEADER_MISSING;
	free(text);
	free(path);
	return status;
}

/* Tiles whose header is gone cannot be told from those of another run. */
static EntkStatus check_no_tiles(const EntkGramStore *store, EntkError *error)
{
	struct stat info;
	if (stat(store->tiles_path, &info) != 0 || info.st_size == 0)
		return ENTK_OK;
	entk_fail(error, ENTK_INPUT, store->path, "there are tiles, but the header and its copy are missing");
	return entk_fix(error, "put the header back, or remove the folder and start again");
}

/* The header from whichever copy is good; where the part is new it stays zeroed. */
static EntkStatus read_header(EntkGramStore *store, EntkError *error)
{
	EntkStoreHeader copy;
	EntkError of_copy;
	EntkStatus status = read_copy(store, 0, &store->header, error);
	EntkStatus status_of_copy = read_copy(store, 1, &copy, &of_copy);
	if (store->header_state[0] == ENTK_HEADER_GOOD) {
		if (store->header_state[1] == ENTK_HEADER_GOOD &&
		    entk_store_header_match("", &copy, &store->header, true, true, &of_copy) != ENTK_OK)
			store->header_state[1] = ENTK_HEADER_DAMAGED;
		entk_store_header_destroy(&copy);
		return ENTK_OK;
	}
	if (store->header_state[1] == ENTK_HEADER_GOOD) {
		store->header = copy;
		return ENTK_OK;
	}
	if (status == ENTK_OK && status_of_copy == ENTK_OK)
		return check_no_tiles(store, error);
	if (status == ENTK_OK || (status == ENTK_INPUT && status_of_copy != ENTK_OK))
		*error = of_copy;
	/* What could not be read may be good; and a newer format is no damage. */
	if (error->status != ENTK_INPUT || error->fix[0])
		return error->status;
	return entk_fix(error, "no copy of it is good: remove %s and start again", store->path);
}

/* Brings copies in order that are not. */
static EntkStatus write_header(EntkGramStore *store, EntkError *error)
{
	char *text = NULL;
	size_t size;
	EntkStatus status = entk_store_header_text(&store->header, &text, &size, error);
	for (int copy = 0; copy < 2 && status == ENTK_OK; copy++) {
		if (store->header_state[copy] == ENTK_HEADER_GOOD)
			continue;
		char *path = header_path(store, copy, error);
		status = path ? write_small(path, text, size, error) : error->status;
		free(path);
	}
	free(text);
	sync_folder(store->path);
	return status;
}

/* ---- parts ----------------------------------------------------------------------------------------------------- */

void entk_gram_store_close(EntkGramStore *store)
{
	if (!store)
		return;
	while (store->buffers) {
		EntkGramBuffer *next = store->buffers->next;
		free(store->buffers);
		store->buffers = next;
	}
	if (store->file >= 0)
		close(store->file);
	pthread_mutex_destroy(&store->mutex);
	entk_tiles_destroy(&store->tiles);
	entk_store_header_destroy(&store->header);
	entk_gram_folder_close(store->own_folder);
	free(store->states);
	free(store->tiles_path);
	free(store->path);
	free(store);
}

static EntkStatus allocate_store(const EntkGramFolder *folder, const char *net, EntkGramStore **store, EntkError *error)
{
	EntkGramStore *new = entk_allocate(1, sizeof *new, "a store", error);
	*store = new;
	if (!new)
		return error->status;
	new->file = -1;
	pthread_mutex_init(&new->mutex, NULL);
	new->path = join(folder->path, net, error);
	if (!new->path)
		return error->status;
	new->tiles_path = join(new->path, "tiles", error);
	return new->tiles_path ? ENTK_OK : error->status;
}

static EntkStatus list_states(EntkGramStore *store, uint64_t count, EntkError *error)
{
	store->known = count < store->slots ? count : store->slots;
	store->states = entk_allocate(store->known, 1, "the list of tiles", error);
	return store->states ? ENTK_OK : error->status;
}

/* What follows from the header; opens the file of tiles. */
static EntkStatus open_tiles(EntkGramStore *store, bool write, EntkError *error)
{
	EntkStatus status = entk_store_header_tiles(&store->header, &store->tiles, error);
	if (status != ENTK_OK)
		return status;
	EntkShard shard = store->header.shard;
	if (store->tiles.count >= shard.index)
		store->slots = (store->tiles.count - shard.index) / shard.count + 1;
	store->slot_bytes = entk_store_header_slot(&store->header);
	uint64_t bytes;
	if (__builtin_mul_overflow(store->slots, store->slot_bytes, &bytes) || bytes > INT64_MAX)
		return entk_fail(error, ENTK_INPUT, store->path, "more bytes than a file can have");
	/* O_NONBLOCK: a pipe in the place of the tiles is refused below, its other end not waited for. */
	store->file = open(store->tiles_path, (write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NONBLOCK, 0666);
	if (store->file < 0) {
		/* Made, but not one tile was finished. */
		if (!write && errno == ENOENT)
			return list_states(store, 0, error);
		return entk_gram_failure(error, store->tiles_path, "open", errno);
	}
	if (write)
		sync_folder(store->path);
	struct stat info;
	if (fstat(store->file, &info) != 0)
		return entk_gram_failure(error, store->tiles_path, "open", errno);
	if (!S_ISREG(info.st_mode))
		return entk_fail(error, ENTK_INPUT, store->tiles_path, "not a regular file");
	/* A reader believes a header only as far as there are tiles. Bytes behind the last whole slot are seen as part of one. */
	uint64_t there = (uint64_t)info.st_size / store->slot_bytes + 1;
	if (list_states(store, write ? store->slots : there, error) != ENTK_OK)
		return error->status;
	store->device = info.st_dev;
	store->inode = info.st_ino;
	store->last_sync = entk_now();
	store->excess = (uint64_t)info.st_size > bytes ? (uint64_t)info.st_size - bytes : 0;
	if (write && store->excess && ftruncate(store->file, (off_t)bytes) != 0)
		return entk_gram_failure(error, store->tiles_path, "cut what stands behind the last tile", errno);
	return ENTK_OK;
}

EntkStatus entk_gram_store_open(EntkGramFolder *folder, const char *net, EntkGramStore **store, EntkError *error)
{
	EntkStatus status = allocate_store(folder, net, store, error);
	if (status == ENTK_OK)
		status = read_header(*store, error);
	if (status == ENTK_OK && !(*store)->header.fields[0]) {
		entk_fail(error, ENTK_INPUT, folder->path, "no part for net \"%s\"", net);
		status = entk_fix(error, "`gram X --net %s -o %s` computes it", net, folder->path);
	}
	if (status == ENTK_OK && strcmp((*store)->header.fields[ENTK_FIELD_NET], net) != 0) {
		entk_fail(error, ENTK_INPUT, (*store)->path, "the part of net \"%s\" under the name of another",
			  (*store)->header.fields[ENTK_FIELD_NET]);
		status = entk_fix(error, "rename the folder back");
	}
	if (status == ENTK_OK)
		status = open_tiles(*store, false, error);
	if (status != ENTK_OK) {
		entk_gram_store_close(*store);
		*store = NULL;
	}
	return status;
}

static EntkStatus create(EntkGramFolder *folder, const EntkStoreHeader *wanted, EntkGramStore *store, EntkError *error)
{
	EntkStatus status = make_folder(store->path, folder->path, error);
	if (status == ENTK_OK)
		status = read_header(store, error);
	if (status != ENTK_OK)
		return status;
	if (store->header.fields[0])
		status = entk_store_header_match(store->path, &store->header, wanted, false, true, error);
	else
		status = entk_store_header_copy(wanted, wanted->shard, &store->header, error);
	if (status == ENTK_OK)
		status = write_header(store, error);
	return status == ENTK_OK ? open_tiles(store, true, error) : status;
}

EntkStatus entk_gram_store_create(EntkGramFolder *folder, const EntkStoreHeader *wanted, EntkGramStore **store,
				  EntkError *error)
{
	EntkStatus status = allocate_store(folder, wanted->fields[ENTK_FIELD_NET], store, error);
	if (status == ENTK_OK)
		status = create(folder, wanted, *store, error);
	if (status != ENTK_OK) {
		entk_gram_store_close(*store);
		*store = NULL;
	}
	return status;
}

/* ---- what there is --------------------------------------------------------------------------------------------- */

const EntkStoreHeader *entk_gram_store_header(const EntkGramStore *store)
{
	return &store->header;
}

const EntkTiles *entk_gram_store_tiles(const EntkGramStore *store)
{
	return &store->tiles;
}

const char *entk_gram_store_path(const EntkGramStore *store)
{
	return store->path;
}

EntkHeaderState entk_gram_store_header_state(const EntkGramStore *store, int copy)
{
	return store->header_state[copy];
}

uint64_t entk_gram_store_excess(const EntkGramStore *store)
{
	return store->excess;
}

uint64_t entk_gram_store_size(const EntkGramStore *store)
{
	return store->slots;
}

EntkTileState entk_gram_store_state(const EntkGramStore *store, uint64_t i)
{
	uint64_t slot = i / store->header.shard.count;
	return slot < store->known ? (EntkTileState)store->states[slot] : ENTK_TILE_MISSING;
}

uint64_t entk_gram_store_count(const EntkGramStore *store, EntkTileState state)
{
	uint64_t count = state == ENTK_TILE_MISSING ? store->slots - store->known : 0;
	for (uint64_t i = 0; i < store->known; i++)
		count += store->states[i] == state;
	return count;
}

EntkStatus entk_gram_store_complete(const EntkGramStore *store, EntkError *error)
{
	uint64_t missing = entk_gram_store_count(store, ENTK_TILE_MISSING);
	uint64_t damaged = entk_gram_store_count(store, ENTK_TILE_DAMAGED);
	EntkShard shard = store->header.shard;
	if (shard.count > 1) {
		entk_fail(error, ENTK_INPUT, store->path, "shard %u of %u, not a whole matrix", shard.index,
			  shard.count);
		return entk_fix(error, "merge all shards: merge OUT.gram A.gram B.gram ..");
	}
	if (missing == 0 && damaged == 0)
		return ENTK_OK;
	entk_fail(error, ENTK_INPUT, store->path, "incomplete: of %llu tiles %llu are missing and %llu damaged",
		  (unsigned long long)store->slots, (unsigned long long)missing, (unsigned long long)damaged);
	return entk_fix(error, "the `gram` command that made it computes them");
}

EntkStatus entk_gram_store_match(const EntkGramStore *store, const EntkStoreRun *run, EntkError *error)
{
	EntkStoreHeader wanted;
	EntkStatus status = entk_store_header_create(run, &wanted, error);
	if (status != ENTK_OK)
		return status;
	status = entk_store_header_match(store->path, &store->header, &wanted, false, false, error);
	entk_store_header_destroy(&wanted);
	return status;
}

EntkStatus entk_gram_store_check_space(const EntkGramStore *store, EntkError *error)
{
	struct statvfs disk;
	uint64_t missing = entk_gram_store_count(store, ENTK_TILE_MISSING);
	if (store->file < 0 || fstatvfs(store->file, &disk) != 0 || disk.f_blocks == 0)
		return ENTK_OK;
	double needed = (double)missing * (double)store->slot_bytes;
	double available = (double)disk.f_bavail * (double)disk.f_frsize;
	if (needed <= available)
		return ENTK_OK;
	entk_fail(error, ENTK_SYSTEM, store->path,
		  "no space left on the disk: what is missing needs %.1f MB, %.1f MB are free", 1e-6 * needed,
		  1e-6 * available);
	return entk_fix(error,
			"free some space and give the same command again, or share the tiles among disks (--shard)");
}
