/* Items that are added at one end and dropped at the other. */
#ifndef RADOME_QUEUE_H
#define RADOME_QUEUE_H
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *bytes;
    ptrdiff_t first, stop, room; /* bytes */
} radome_queue;

static inline void *radome_items(const radome_queue *q) { return q->bytes + q->first; }

/* Room for so many bytes more at the end; NULL where memory has none. */
static inline void *radome_push(radome_queue *q, ptrdiff_t n) {
    if (!q->bytes || q->stop + n > q->room) {
        ptrdiff_t held = q->stop - q->first;
        if (held)
            memmove(q->bytes, q->bytes + q->first, held);
        q->first = 0;
        q->stop = held;
        if (!q->bytes || held + n > q->room / 2) {
            ptrdiff_t room = 2 * (held + n) + 64;
            char *more = (char *)realloc(q->bytes, room);
            if (!more)
                return NULL;
            q->bytes = more;
            q->room = room;
        }
    }
    q->stop += n;
    return q->bytes + q->stop - n;
}

static inline void radome_drop(radome_queue *q, ptrdiff_t n) { q->first += n; }

#endif
