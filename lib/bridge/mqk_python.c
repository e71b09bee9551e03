/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqk_on_event() as a function of a Python interpreter. ctypes takes longer to pass a dozen
 * arguments than the event takes to become a record; an interpreter's own calling convention does
 * not. All that is used belongs to Python's stable ABI, so that no header of one version is needed,
 * and the symbols are weak, so that the library does not depend on Python.
 */
#include "event.h"

#include <stdatomic.h>
#include <stdlib.h>

typedef void object; /* PyObject */

/* Functions of the stable ABI: X(result, name, parameters). */
#define PYTHON_FUNCTIONS(X)                                                                        \
    X(const char *, PyUnicode_AsUTF8AndSize, (object *, ptrdiff_t *))                              \
    X(object *, PyUnicode_InternFromString, (const char *))                                        \
    X(int, PyBytes_AsStringAndSize, (object *, char **, ptrdiff_t *))                              \
    X(long long, PyLong_AsLongLong, (object *))                                                    \
    X(object *, PyLong_FromLong, (long))                                                           \
    X(int, PyObject_IsInstance, (object *, object *))                                              \
    X(object *, PyObject_Call, (object *, object *, object *))                                     \
    X(object *, PyObject_CallFunction, (object *, const char *, ...))                              \
    X(ptrdiff_t, PyTuple_Size, (object *))                                                         \
    X(object *, PyTuple_GetItem, (object *, ptrdiff_t))                                            \
    X(object *, PyTuple_New, (ptrdiff_t))                                                          \
    X(int, PyTuple_SetItem, (object *, ptrdiff_t, object *))                                       \
    X(object *, PyDict_New, (void))                                                                \
    X(int, PyDict_SetItem, (object *, object *, object *))                                         \
    X(object *, PyErr_Occurred, (void))                                                            \
    X(object *, PyCapsule_New, (void *, const char *, void (*)(object *)))                         \
    X(void *, PyCapsule_GetPointer, (object *, const char *))                                      \
    X(object *, PyCFunction_NewEx, (struct method *, object *, object *))                          \
    X(void *, PyEval_SaveThread, (void))                                                           \
    X(void, PyEval_RestoreThread, (void *))                                                        \
    X(void, Py_IncRef, (object *))                                                                 \
    X(void, Py_DecRef, (object *))

/* Its objects, likewise. */
#define PYTHON_OBJECTS(X) X(PyUnicode_Type) X(PyBytes_Type) X(_Py_NoneStruct)

/* PyMethodDef */
struct method {
    const char *name;
    object *(*call)(object *self, object *const *args, ptrdiff_t count, object *keywords);
    int flags;
    const char *doc;
};

enum { METH_FASTCALL_AND_KEYWORDS = 0x0080 | 0x0002 };

#define DECLARE_FUNCTION(result, name, parameters)                                                 \
    extern result name parameters __attribute__((weak));
#define DECLARE_OBJECT(name) extern char name[] __attribute__((weak));
PYTHON_FUNCTIONS(DECLARE_FUNCTION)
PYTHON_OBJECTS(DECLARE_OBJECT)

#define CAPSULE   "mqkafka.bridge"
#define KEYWORDS  (FIELD_event + 1) /* the struct's fields, and the token */
#define KEY_TOKEN FIELD_event

struct mqk_python {
    _Atomic(mqk_bridge *) bridge; /* NULL once detached */
    atomic_uint calls;            /* under way */
    object *other;
    object *failed;
    object *keywords[KEYWORDS]; /* interned names, which a caller's keywords are identical to */
    mqk_event blank;
};

enum reading { READ, NOT_OURS, RAISED };

static bool has_interpreter(void) {
    /* Through a volatile pointer: a compiler takes the address of a function for not NULL. */
#define ADDRESS_OF_FUNCTION(result, name, parameters) (const void *)(uintptr_t)name,
#define ADDRESS_OF_OBJECT(name)                       (const void *)name,
    const void *volatile addresses[] = {PYTHON_FUNCTIONS(ADDRESS_OF_FUNCTION)
                                            PYTHON_OBJECTS(ADDRESS_OF_OBJECT)};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        if (!addresses[i]) {
            return false;
        }
    }
    return true;
}

/* The bytes of a str or bytes; None is absent. They live as long as the argument. */
static enum reading read_text(object *value, mqk_str *out) {
    ptrdiff_t len = 0;
    if (value == (object *)_Py_NoneStruct) {
        return READ;
    }
    if (PyObject_IsInstance(value, PyUnicode_Type) == 1) {
        out->data = PyUnicode_AsUTF8AndSize(value, &len);
    } else if (PyObject_IsInstance(value, PyBytes_Type) == 1) {
        char *data = NULL;
        out->data = PyBytes_AsStringAndSize(value, &data, &len) == 0 ? data : NULL;
    } else {
        return PyErr_Occurred() ? RAISED : NOT_OURS;
    }
    out->len = (size_t)len;
    return out->data ? READ : RAISED;
}

static enum reading read_number(object *value, int64_t *out) {
    if (value == (object *)_Py_NoneStruct) {
        return READ;
    }
    *out = PyLong_AsLongLong(value);
    return *out == -1 && PyErr_Occurred() ? RAISED : READ;
}

static enum reading read_keyword(const struct mqk_python *p, object *keyword, object *value,
                                 mqk_event *event) {
    int key = 0;
    while (key < KEYWORDS && p->keywords[key] != keyword) {
        key++;
    }
    if (key == KEYWORDS) {
        return NOT_OURS;
    }
    if (key == KEY_TOKEN) {
        int64_t token = 0;
        enum reading reading = read_number(value, &token);
        event->token = (uint64_t)token;
        return reading;
    }
    void *member = (char *)event + event_fields[key].offset;
    return event_fields[key].kind == FIELD_TEXT ? read_text(value, member)
                                                : read_number(value, member);
}

static enum reading read_event(const struct mqk_python *p, object *const *args, ptrdiff_t count,
                               object *keywords, mqk_event *event) {
    mqk_str hook = {NULL, 0};
    if (count != 1) {
        return NOT_OURS;
    }
    enum reading reading = read_text(args[0], &hook);
    if (reading != READ) {
        return reading;
    }
    if (!hook.data || !event_hook_by_name(hook, &event->hook)) {
        return NOT_OURS;
    }
    if (event->hook == MQK_HOOK_CUSTOM) {
        event->hook_name = hook;
    }
    ptrdiff_t named = keywords ? PyTuple_Size(keywords) : 0;
    for (ptrdiff_t i = 0; i < named && reading == READ; i++) {
        reading = read_keyword(p, PyTuple_GetItem(keywords, i), args[count + i], event);
    }
    return reading;
}

/* The same call, to the function that takes everything. */
static object *call_other(object *other, object *const *args, ptrdiff_t count, object *keywords) {
    ptrdiff_t named = keywords ? PyTuple_Size(keywords) : 0;
    object *tuple = PyTuple_New(count);
    object *dict = PyDict_New();
    object *result = NULL;
    bool ready = tuple && dict;
    for (ptrdiff_t i = 0; i < count && ready; i++) {
        Py_IncRef(args[i]);
        ready = PyTuple_SetItem(tuple, i, args[i]) == 0;
    }
    for (ptrdiff_t i = 0; i < named && ready; i++) {
        ready = PyDict_SetItem(dict, PyTuple_GetItem(keywords, i), args[count + i]) == 0;
    }
    if (ready) {
        result = PyObject_Call(other, tuple, dict);
    }
    Py_DecRef(tuple);
    Py_DecRef(dict);
    return result;
}

static object *call(object *self, object *const *args, ptrdiff_t count, object *keywords) {
    struct mqk_python *p = PyCapsule_GetPointer(self, CAPSULE);
    if (!p) {
        return NULL;
    }
    mqk_event event = p->blank;
    enum reading reading = read_event(p, args, count, keywords, &event);
    if (reading == RAISED) {
        return NULL;
    }
    /* Counted before the bridge is looked at, so that detaching either takes the bridge away from
     * this call or sees it. */
    atomic_fetch_add(&p->calls, 1);
    mqk_bridge *bridge = reading == READ ? atomic_load(&p->bridge) : NULL;
    int result = 0;
    if (bridge) {
        void *thread = PyEval_SaveThread();
        result = mqk_on_event(bridge, &event);
        PyEval_RestoreThread(thread);
    }
    atomic_fetch_sub(&p->calls, 1);
    if (!bridge) {
        return call_other(p->other, args, count, keywords);
    }
    return result < 0 ? PyObject_CallFunction(p->failed, "i", result) : PyLong_FromLong(result);
}

static void python_free(struct mqk_python *p) {
    for (int i = 0; i < KEYWORDS; i++) {
        Py_DecRef(p->keywords[i]);
    }
    Py_DecRef(p->other);
    Py_DecRef(p->failed);
    free(p);
}

static void capsule_free(object *capsule) {
    python_free(PyCapsule_GetPointer(capsule, CAPSULE));
}

static bool intern_keywords(struct mqk_python *p) {
    for (int i = 0; i < KEYWORDS; i++) {
        p->keywords[i] =
            PyUnicode_InternFromString(i == KEY_TOKEN ? "token" : event_fields[i].name);
        if (!p->keywords[i]) {
            return false;
        }
    }
    return true;
}

static struct mqk_python *python_new(mqk_bridge *bridge, object *other, object *failed) {
    struct mqk_python *p = calloc(1, sizeof(*p));
    if (!p) {
        return NULL;
    }
    Py_IncRef(other);
    Py_IncRef(failed);
    p->other = other;
    p->failed = failed;
    atomic_init(&p->bridge, bridge);
    event_init(&p->blank, sizeof(p->blank), MQK_HOOK_MESSAGE_PUBLISH);
    if (!intern_keywords(p)) {
        python_free(p);
        return NULL;
    }
    return p;
}

void *mqk_python_attach(mqk_bridge *bridge, void *other, void *failed, mqk_python **out) {
    static struct method method = {"on_event", call, METH_FASTCALL_AND_KEYWORDS,
                                   "on_event(hook, *, **fields): the number of records accepted"};
    if (!bridge || !other || !failed || !out || !has_interpreter()) {
        return NULL;
    }
    struct mqk_python *p = python_new(bridge, other, failed);
    object *capsule = p ? PyCapsule_New(p, CAPSULE, capsule_free) : NULL;
    if (!capsule) {
        if (p) {
            python_free(p);
        }
        return NULL;
    }
    object *function = PyCFunction_NewEx(&method, capsule, NULL);
    Py_DecRef(capsule);
    *out = function ? p : NULL;
    return function;
}

unsigned mqk_python_detach(mqk_python *python) {
    if (!python) {
        return 0;
    }
    atomic_store(&python->bridge, NULL);
    return atomic_load(&python->calls);
}
