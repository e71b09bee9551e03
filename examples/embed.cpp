// SPDX-License-Identifier: Apache-2.0
// An event becomes a Kafka record, in C++17: owners instead of calls to free, errors as exceptions.
#include <mqkafka/mqkafka.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace mqkafka {

class error : public std::runtime_error {
  public:
    explicit error(const mqk_error &e)
        : std::runtime_error(e.message), code(e.code), line(e.line), column(e.column) {
    }
    explicit error(mqk_status status) : std::runtime_error(mqk_status_text(status)), code(status) {
    }

    mqk_status code;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

inline mqk_str str(std::string_view text) {
    return {text.data(), text.size()};
}

class config {
  public:
    static config from_text(std::string_view yaml, const char *name = "(memory)") {
        mqk_config *out = nullptr;
        mqk_error e;
        if (mqk_config_load_memory(str(yaml), name, &out, &e) != MQK_OK) {
            throw error(e);
        }
        return config(out);
    }
    const mqk_config *get() const {
        return handle.get();
    }

  private:
    struct free {
        void operator()(mqk_config *c) const {
            mqk_config_free(c);
        }
    };
    explicit config(mqk_config *c) : handle(c) {
    }
    std::unique_ptr<mqk_config, free> handle;
};

class event {
  public:
    explicit event(mqk_hook hook) {
        mqk_event_init(&fields, sizeof(fields), hook);
    }
    event &clientid(std::string_view text) {
        return set(fields.clientid, text);
    }
    event &topic(std::string_view text) {
        return set(fields.topic, text);
    }
    event &payload(std::string_view bytes) {
        return set(fields.payload, bytes);
    }
    event &token(std::uint64_t number) {
        fields.token = number;
        return *this;
    }
    mqk_event fields;

  private:
    event &set(mqk_str &field, std::string_view text) {
        field = str(text);
        return *this;
    }
};

// Deliveries are handed over in poll() and flush(), on the caller's thread.
class bridge {
  public:
    template <class Delivered> bridge(const config &c, Delivered &delivered) {
        mqk_host host{};
        host.size = sizeof(host);
        host.user = &delivered;
        host.delivered = [](void *user, std::uint64_t token, mqk_status status) {
            (*static_cast<Delivered *>(user))(token, status);
        };
        mqk_bridge *out = nullptr;
        mqk_error e;
        if (mqk_bridge_open(c.get(), &host, &out, &e) != MQK_OK) {
            throw error(e);
        }
        handle.reset(out);
    }
    int on_event(const event &e) {
        int records = mqk_on_event(handle.get(), &e.fields);
        if (records < 0) {
            throw error(static_cast<mqk_status>(records));
        }
        return records;
    }
    void flush(int timeout_ms) {
        if (mqk_status status = mqk_bridge_flush(handle.get(), timeout_ms, nullptr)) {
            throw error(status);
        }
    }

  private:
    struct close {
        void operator()(mqk_bridge *b) const {
            mqk_bridge_close(b, 5000, nullptr);
        }
    };
    std::unique_ptr<mqk_bridge, close> handle;
};

} // namespace mqkafka

int main() try {
    auto config = mqkafka::config::from_text(
        "kafka: {client: {servers: [embedded]}, hook: [{hook: message.publish, filter: factory/#,\n"
        "  topic: telemetry, key: '${clientid}', value: '{\"temp\":${payload.temp}}'}]}\n");

    int safe = 0;
    auto delivered = [&safe](std::uint64_t, mqk_status status) { safe += status == MQK_OK; };
    mqkafka::bridge bridge(config, delivered);

    int records = 0;
    for (std::uint64_t token = 1; token <= 10; token++) {
        const std::string payload = "{\"temp\":" + std::to_string(token) + ".50}";
        records += bridge.on_event(mqkafka::event(MQK_HOOK_MESSAGE_PUBLISH)
                                       .clientid("sensor-7")
                                       .topic("factory/a/line/3/temp")
                                       .payload(payload)
                                       .token(token));
    }
    bridge.flush(10000);
    std::cout << records << " records, " << safe << " events safe in Kafka\n";

    try {
        mqkafka::config::from_text("kafka: {clint: 1}", "wrong.yaml");
    } catch (const mqkafka::error &e) {
        std::cout << "refused: " << e.what() << "\n";
    }
    return records == 10 && safe == 10 ? 0 : 1;
} catch (const std::exception &e) {
    std::cerr << e.what() << "\n";
    return 1;
}
