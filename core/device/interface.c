/* SPDX-License-Identifier: MIT
 * The optional interfaces of a device, and what the host does where one is missing. */
#include "backend.h"

/* A table of version 1 that is long enough, or NULL. The tables are the plugin's own and are checked before they are believed. */
static const void *find(struct cvk__device *d, const char *name, uint32_t bytes)
{
    const uint32_t *table = d->backend->api.get_interface ? d->backend->api.get_interface(d->handle, name, 1) : NULL;
    if (!table)
        return NULL;
    if (table[0] >= bytes && table[1] >= 1)
        return table;
    cvk__log(&d->ctx->log, CVK_LOG_WARN, "load",
             "%s: interface '%s' has %u bytes and version %u where %u and 1 are the least: not used", d->spec, name, table[0],
             table[1], bytes);
    return NULL;
}

int32_t cvk__interfaces_open(struct cvk__device *d)
{
    const struct cvk_queue_api *queue = find(d, "queue", sizeof *queue);
    const struct cvk_event_api *event = find(d, "event", sizeof *event);
    const struct cvk_map_api *map = find(d, "map", sizeof *map);
    const struct cvk_profile_api *profile = find(d, "profile", sizeof *profile);
    const struct cvk_notes_api *notes = find(d, "notes", sizeof *notes);
    d->queue_api = queue && queue->create && queue->destroy && queue->finish ? queue : NULL;
    d->event_api = event && event->record && event->wait && event->release ? event : NULL;
    d->map_api = map && map->map && map->unmap ? map : NULL;
    d->profile_api = profile && profile->begin && profile->end ? profile : NULL;
    d->notes_api = notes && notes->recall && notes->keep && notes->each ? notes : NULL;
    if ((queue && !d->queue_api) || (event && !d->event_api) || (map && !d->map_api) || (profile && !d->profile_api) ||
        (notes && !d->notes_api))
        return cvk__fail(CVK_E_ABI, "%s: its interface '%s' lacks a required function", d->spec,
                         queue && !d->queue_api       ? "queue"
                         : event && !d->event_api     ? "event"
                         : map && !d->map_api         ? "map"
                         : profile && !d->profile_api ? "profile"
                                                      : "notes");
    if (!d->queue_api)
        return CVK_OK;
    cvk__plugin_enter();
    return cvk__plugin_leave(d, d->queue_api->create(d->handle, &d->queue), "making a queue");
}

void cvk__interfaces_close(struct cvk__device *d)
{
    if (d->queue_api && d->queue) {
        d->queue_api->finish(d->handle, d->queue);
        d->queue_api->destroy(d->handle, d->queue);
    }
    d->queue = NULL;
}

int32_t cvk__device_finish(struct cvk__device *d)
{
    cvk__plugin_enter();
    if (d->queue)
        CVK__TRY(cvk__plugin_leave(d, d->queue_api->finish(d->handle, d->queue), "waiting for the queue"));
    if (d->backend->api.sync)
        return cvk__plugin_leave(d, d->backend->api.sync(d->handle), "waiting for the device");
    return CVK_OK;
}
