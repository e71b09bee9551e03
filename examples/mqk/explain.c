/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"

#include <stdlib.h>

#include "error.h"
#include "record_input.h"

static const char usage[] =
    "Usage: mqk explain FILE… (--event JSON | --hook HOOK [FIELDS] | --record JSON) [--json]\n\n"
    "Shows what the rules of a configuration make of an event, without any Kafka: for each rule\n"
    "whether it matches and why, and each record with all its parts; or what the consumer rules\n"
    "make of a record from Kafka, and what they ask of the broker. FILE may be - for standard\n"
    "input; several files are merged in order.\n\n"
    "The event:\n"
    "  --event JSON               {\"hook\":\"message.publish\",\"clientid\":…,\"topic\":…,\n"
    "                             \"payload\":…,\"qos\":…}: the field names of the templates;\n"
    "                             a text may be {\"base64\":…}; user properties are\n"
    "                             \"user_properties\": {…} or [{\"key\":…,\"value\":…}]\n"
    "  --event-file FILE          the same from a file (- for standard input)\n"
    "  --hook HOOK                hook point, e.g. message.publish\n"
    "  --topic TOPIC\n"
    "  --payload TEXT\n"
    "  --payload-file FILE        the payload's bytes from a file (- for standard input)\n"
    "  --clientid ID\n"
    "  --username NAME\n"
    "  --qos N\n"
    "  --retain\n"
    "  --user-property NAME=VALUE (may be repeated)\n"
    "  --field NAME=VALUE         any other field; also props.NAME, attr.NAME (may be repeated)\n"
    "What the options say goes before what --event says.\n\n"
    "The record:\n"
    "  --record JSON              {\"topic\":\"commands\",\"key\":…,\"value\":…,\"headers\":{…},\n"
    "                             "
    "\"partition\":0,\"offset\":0,\"timestamp\":…,\"ts_type\":\"create\",\n"
    "                             \"cluster\":…}; a value that is JSON may stand as it is\n"
    "  --record-file FILE         the same from a file (- for standard input)\n"
    "  --node NAME                the broker node that reads it\n\n"
    "  --json                     print {\"rules\":[{\"name\",\"matched\",\"reason\"}],\n"
    "                             "
    "\"records\":[{\"rule\",\"cluster\",\"topic\",\"partition\",\"key\",\n"
    "                             \"value\",\"headers\",\"timestamp\"}]}; what is not UTF-8 is\n"
    "                             {\"base64\":…}, partition -1 means that the partitioner "
    "chooses;\n"
    "                             of a record \"commands\":[{\"rule\",\"cluster\",\"action\",…}]\n"
    "  --help                     print this\n\n"
    "Exit status: 0 explained (whether or not a rule matches), 1 the configuration, the event\n"
    "or the record is wrong, 2 wrong usage.\n";

/* One thing that an option says of the event. */
struct fact {
    const char *name; /* NULL: `value` is NAME=VALUE of a field; "user": of a user property */
    const char *value;
};

struct request {
    char *const *files;
    size_t file_count;
    const char *event;
    const char *event_file;
    const char *payload_file;
    const char *record;
    const char *record_file;
    const char *node;
    struct fact *facts;
    size_t fact_count;
    bool json;
};

enum {
    OPT_EVENT_FILE = OPT_HELP + 1,
    OPT_PAYLOAD_FILE,
    OPT_RETAIN,
    OPT_USER,
    OPT_FIELD,
    OPT_FACT,
    OPT_RECORD_FILE,
    OPT_NODE
};

/* Options whose name is the field's; found again by their place in the list. */
static const struct option options[] = {{"hook", required_argument, NULL, OPT_FACT},
                                        {"topic", required_argument, NULL, OPT_FACT},
                                        {"payload", required_argument, NULL, OPT_FACT},
                                        {"clientid", required_argument, NULL, OPT_FACT},
                                        {"username", required_argument, NULL, OPT_FACT},
                                        {"qos", required_argument, NULL, OPT_FACT},
                                        {"event", required_argument, NULL, 'e'},
                                        {"event-file", required_argument, NULL, OPT_EVENT_FILE},
                                        {"payload-file", required_argument, NULL, OPT_PAYLOAD_FILE},
                                        {"retain", no_argument, NULL, OPT_RETAIN},
                                        {"user-property", required_argument, NULL, OPT_USER},
                                        {"field", required_argument, NULL, OPT_FIELD},
                                        {"record", required_argument, NULL, 'r'},
                                        {"record-file", required_argument, NULL, OPT_RECORD_FILE},
                                        {"node", required_argument, NULL, OPT_NODE},
                                        {"json", no_argument, NULL, 'j'},
                                        HELP_ROWS};

static void add_fact(struct request *r, const char *name, const char *value) {
    r->facts[r->fact_count++] = (struct fact){name, value};
}

/* EXIT_GOOD, or the program's exit code; `*done` when it has nothing more to do. */
static int read_options(struct request *r, int argc, char **argv, bool *done) {
    int index = 0;
    *done = true;
    for (int c; (c = getopt_long(argc, argv, "h", options, &index)) != -1;) {
        switch (c) {
        case OPT_FACT:
            add_fact(r, options[index].name, optarg);
            break;
        case OPT_RETAIN:
            add_fact(r, "retain", "true");
            break;
        case OPT_USER:
            add_fact(r, "user", optarg);
            break;
        case OPT_FIELD:
            add_fact(r, NULL, optarg);
            break;
        case OPT_PAYLOAD_FILE:
            r->payload_file = optarg;
            break;
        case OPT_EVENT_FILE:
            r->event_file = optarg;
            break;
        case 'e':
            r->event = optarg;
            break;
        case 'r':
            r->record = optarg;
            break;
        case OPT_RECORD_FILE:
            r->record_file = optarg;
            break;
        case OPT_NODE:
            r->node = optarg;
            break;
        case 'j':
            r->json = true;
            break;
        case 'h':
            return print_help(&explain_command);
        default:
            return bad_usage(&explain_command, NULL);
        }
    }
    r->files = argv + optind;
    r->file_count = (size_t)(argc - optind);
    if (r->file_count == 0) {
        return bad_usage(&explain_command, "no file is named");
    }
    bool event = r->event || r->event_file || r->payload_file || r->fact_count > 0;
    bool record = r->record || r->record_file;
    const char *wrong =
        !event && !record             ? "there is no event: give --event or --hook; or --record"
        : event && record             ? "either an event or a record is explained, not both"
        : r->event && r->event_file   ? "--event and --event-file cannot stand together"
        : r->record && r->record_file ? "--record and --record-file cannot stand together"
        : r->node && !record ? "--node goes with --record; an event has its node in --event"
                             : NULL;
    if (wrong) {
        return bad_usage(&explain_command, wrong);
    }
    *done = false;
    return EXIT_GOOD;
}

static bool take_fact(struct event_input *in, const struct fact *fact) {
    char name[300];
    if (fact->name && strcmp(fact->name, "user") != 0) {
        return event_input_field(in, mqk_cstr(fact->name), mqk_cstr(fact->value));
    }
    const char *equals = strchr(fact->value, '=');
    size_t len = equals ? (size_t)(equals - fact->value) : 0;
    if (!equals) {
        return event_input_fail(in, "%s: expected NAME=VALUE",
                                fact->name ? "--user-property" : "--field");
    }
    if (!fact->name) {
        return event_input_field(in, (mqk_str){fact->value, len}, mqk_cstr(equals + 1));
    }
    if (len + sizeof("user.") > sizeof(name)) {
        return event_input_fail(in, "--user-property: the name is too long");
    }
    snprintf(name, sizeof(name), "user.%.*s", (int)len, fact->value);
    return event_input_field(in, mqk_cstr(name), mqk_cstr(equals + 1));
}

static bool read_event(struct event_input *in, const struct request *r, mqk_str json,
                       mqk_str payload) {
    if (json.data && !event_input_json(in, json)) {
        return false;
    }
    for (size_t i = 0; i < r->fact_count; i++) {
        if (!take_fact(in, &r->facts[i])) {
            return false;
        }
    }
    if (r->payload_file) {
        in->event.payload = payload;
    }
    return event_input_finish(in);
}

static mqk_status explain_event(const struct request *r, const mqk_config *config,
                                const mqk_event *event) {
    mqk_ruleset *rules = NULL;
    mqk_status status = mqk_ruleset_compile(config, &rules, NULL);
    if (status == MQK_OK) {
        status = r->json ? explain_json(rules, event) : explain_text(rules, event);
    }
    mqk_ruleset_free(rules);
    return status;
}

static mqk_status explain_record(const struct request *r, const mqk_config *config,
                                 const mqk_kafka_record *record) {
    mqk_str node = mqk_cstr(r->node);
    return r->json ? explain_record_json(config, record, node)
                   : explain_record_text(config, record, node);
}

/* `record` is NULL when it is an event. */
static int explain(const struct request *r, const mqk_event *event,
                   const mqk_kafka_record *record) {
    mqk_config *config = load_config(r->files, r->file_count, NULL, NULL);
    if (!config) {
        return EXIT_BAD;
    }
    mqk_status status =
        record ? explain_record(r, config, record) : explain_event(r, config, event);
    mqk_config_free(config);
    if (status != MQK_OK) {
        return complain(EXIT_BAD, "%s", mqk_status_text(status));
    }
    return finish(EXIT_GOOD);
}

static int run_request(const struct request *r) {
    struct buffer json, payload;
    struct event_input in;
    int code = EXIT_BAD;
    buffer_init(&json, NULL, 0);
    buffer_init(&payload, NULL, 0);
    event_input_init(&in);
    const char *file = r->event_file ? r->event_file : r->record_file;
    bool is_record = r->record || r->record_file;
    mqk_kafka_record record;
    bool good = (!file || read_file(file, EVENT_MAX_BYTES, &json)) &&
                (!r->payload_file || read_file(r->payload_file, EVENT_MAX_BYTES, &payload));
    mqk_str text = file ? buffer_since(&json, 0) : mqk_cstr(r->event ? r->event : r->record);
    if (good && !(is_record ? record_input_json(&in, text, &record)
                            : read_event(&in, r, text, buffer_since(&payload, 0)))) {
        code = complain(EXIT_BAD, "%s", in.error.message);
    } else if (good) {
        code = explain(r, &in.event, is_record ? &record : NULL);
    }
    event_input_fini(&in);
    buffer_fini(&json);
    buffer_fini(&payload);
    return code;
}

static int run(int argc, char **argv) {
    struct request request = {.facts = calloc((size_t)argc, sizeof(struct fact))};
    bool done = false;
    if (!request.facts) {
        return complain(EXIT_BAD, "%s", mqk_status_text(MQK_ERR_NO_MEMORY));
    }
    int code = read_options(&request, argc, argv, &done);
    if (!done) {
        code = run_request(&request);
    }
    free(request.facts);
    return code;
}

const struct command explain_command = {"explain", "show what rules make of an event or a record",
                                        usage, run};
