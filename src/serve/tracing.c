/* SPDX-License-Identifier: BSD-3-Clause */
#include "serve/tracing.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/version.h"
#include "device/trace.h"
#include "serve/config.h"

#define OTHER_THREADS                                                                              \
	4u /* that record, besides the lanes: the control thread, and what it starts */

static_assert(SERVE_ADAPTERS_MAX * (ADAPTER_PORTS_MAX + 1) <= RECORDER_INTERFACES,
	      "all adapters of a process fit into a file");

/** struct tracing - @traces: @started of them, of @n @adapters */
struct tracing {
	struct recorder *recorder;
	struct adapter *adapters[SERVE_ADAPTERS_MAX];
	uint32_t first[SERVE_ADAPTERS_MAX];
	struct adapter_trace *traces[SERVE_ADAPTERS_MAX];
	unsigned int n, started;
	bool stopped;
};

int tracing_open(const struct tracing_config *config, struct adapter *const *adapters,
		 unsigned int n, struct tracing **out, struct error *error)
{
	struct tracing *tracing = calloc(1, sizeof(*tracing));
	struct recorder_interface *interfaces = calloc(RECORDER_INTERFACES, sizeof(*interfaces));
	struct recorder_config recorder = { .fd = config->fd,
					    .name = config->name,
					    .program = "manakin device " MANAKIN_VERSION,
					    .mib = config->mib,
					    .snaplen = config->snaplen,
					    .threads = config->lanes + OTHER_THREADS,
					    .interfaces = interfaces };
	int err;

	if (!tracing || !interfaces) {
		close(config->fd);
		free(tracing);
		free(interfaces);
		return error_fail(error, -ENOMEM, "out of memory");
	}
	for (; tracing->n < n; tracing->n++) {
		tracing->adapters[tracing->n] = adapters[tracing->n];
		tracing->first[tracing->n] = recorder.n;
		recorder.n += adapter_trace_interfaces(adapters[tracing->n], recorder.n,
						       &interfaces[recorder.n]);
	}
	err = recorder_new(&recorder, &tracing->recorder, error);
	free(interfaces);
	if (err) {
		free(tracing);
		return err;
	}
	*out = tracing;
	return 0;
}

int tracing_start(struct tracing *tracing)
{
	int err = recorder_start(tracing->recorder);

	while (!err && tracing->started < tracing->n) {
		unsigned int i = tracing->started;

		err = adapter_trace_start(tracing->adapters[i], tracing->recorder,
					  tracing->first[i], &tracing->traces[i]);
		tracing->started += !err;
	}
	return err;
}

void tracing_stop(struct tracing *tracing)
{
	while (tracing->started)
		adapter_trace_stop(tracing->traces[--tracing->started]);
	if (!tracing->stopped)
		recorder_stop(tracing->recorder);
	tracing->stopped = true;
}

bool tracing_stopped(const struct tracing *tracing)
{
	return tracing->stopped && recorder_ended(tracing->recorder);
}

struct recorder_result tracing_result(const struct tracing *tracing)
{
	return recorder_result(tracing->recorder);
}

void tracing_close(struct tracing *tracing)
{
	if (!tracing)
		return;
	tracing_stop(tracing);
	recorder_free(tracing->recorder);
	free(tracing);
}
