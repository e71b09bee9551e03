/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The template filters that make a text fit for where it goes: a URI, an attribute of a CloudEvent,
 * a header. Results are slices of the text or are appended to a buffer. Any thread.
 */
#ifndef MQK_RULES_TEXT_FILTER_H
#define MQK_RULES_TEXT_FILTER_H

#include "buffer.h"

/* Percent-encoded for a URI's path: letters, digits, `-._~` and `/` stay (RFC 3986). */
void text_to_uri(mqk_str text, struct buffer *out);

/* Control characters (C0, DEL, C1), Unicode's noncharacters and what is not UTF-8 replaced by
 * U+FFFD: what CloudEvents allows in a String. */
void text_to_printable(mqk_str text, struct buffer *out);

/* Whether the text is a media type (RFC 2045: type/subtype, perhaps with parameters, printable
 * ASCII) that does not say "this is a CloudEvent": as a header, application/cloudevents… would make
 * consumers read a client's payload as a structured event. */
bool text_is_mediatype(mqk_str text);

/* The address without port: "10.0.0.1:1883" → "10.0.0.1", "[::1]:1883" → "::1"; what has no port
 * stays as it is. */
mqk_str text_host(mqk_str address);

#endif
