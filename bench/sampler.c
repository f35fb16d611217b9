/* Where does a program spend its time? Preloaded (LD_PRELOAD) into any program, this library takes a sample of the
 * instruction pointer every millisecond of CPU time and writes at exit, to the file named by ENTK_SAMPLES, the number of
 * samples and then one line per sample inside the program itself: its offset from where the program is loaded, in hex.
 * Works where the hardware's counters are out of reach. */
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <ucontext.h>

enum { MAX_SAMPLES = 1 << 20, INTERVAL_US = 1000 };

/* A signal handler can reach nothing but globals. */
static uintptr_t samples[MAX_SAMPLES];
static atomic_uint sample_count;

static void on_profile(int signal_number, siginfo_t *info, void *context)
{
	const ucontext_t *c = context;
	unsigned i = atomic_fetch_add(&sample_count, 1);
	(void)signal_number;
	(void)info;
	if (i >= MAX_SAMPLES)
		return;
#if defined(__x86_64__)
	samples[i] = (uintptr_t)c->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	samples[i] = (uintptr_t)c->uc_mcontext.pc;
#else
#error "unknown machine: where is the instruction pointer?"
#endif
}

typedef struct Image {
	uintptr_t base, end;
} Image;

/* The first object that the loader lists is the program itself. */
static int find_program(struct dl_phdr_info *info, size_t size, void *data)
{
	Image *image = data;
	(void)size;
	image->base = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
		if (info->dlpi_phdr[i].p_type == PT_LOAD && end > image->end)
			image->end = end;
	}
	return 1;
}

__attribute__((constructor)) static void sampler_start(void)
{
	struct sigaction action = {.sa_sigaction = on_profile, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct itimerval timer = {{0, INTERVAL_US}, {0, INTERVAL_US}};
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &timer, NULL);
}

__attribute__((destructor)) static void sampler_stop(void)
{
	struct itimerval off = {{0, 0}, {0, 0}};
	Image image = {0, 0};
	const char *path = getenv("ENTK_SAMPLES");
	FILE *out = path ? fopen(path, "w") : NULL;
	setitimer(ITIMER_PROF, &off, NULL);
	if (!out)
		return;
	unsigned count = atomic_load(&sample_count);
	count = count < MAX_SAMPLES ? count : MAX_SAMPLES;
	dl_iterate_phdr(find_program, &image);
	fprintf(out, "%u\n", count);
	for (unsigned i = 0; i < count; i++) {
		if (samples[i] >= image.base && samples[i] < image.end)
			fprintf(out, "%zx\n", (size_t)(samples[i] - image.base));
	}
	fclose(out);
}
