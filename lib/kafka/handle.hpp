// SPDX-License-Identifier: Apache-2.0
// Owners of librdkafka's C objects, and its errors as Status. Private to lib/kafka.
#pragma once
#include <librdkafka/rdkafka.h>

#include <memory>
#include <string_view>

#include "lib/base/status.hpp"

namespace streamutils::kafka {

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};

using ConfPtr = std::unique_ptr<rd_kafka_conf_t, Destroy<rd_kafka_conf_destroy>>;
using QueuePtr = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;
using TopicPtr = std::unique_ptr<rd_kafka_topic_t, Destroy<rd_kafka_topic_destroy>>;
using MessagePtr = std::unique_ptr<rd_kafka_message_t, Destroy<rd_kafka_message_destroy>>;
using ListPtr = std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy<rd_kafka_topic_partition_list_destroy>>;
using ErrorPtr = std::unique_ptr<rd_kafka_error_t, Destroy<rd_kafka_error_destroy>>;

struct DestroyMetadata {
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};
using MetadataPtr = std::unique_ptr<const rd_kafka_metadata_t, DestroyMetadata>;

/// "Broker: Unknown topic or partition" and "Local: Timed out" without the prefix, which tells users nothing.
inline std::string_view error_text(rd_kafka_resp_err_t error) {
  std::string_view text = rd_kafka_err2str(error);
  for (const std::string_view prefix : {"Broker: ", "Local: "}) {
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  }
  return text;
}

}  // namespace streamutils::kafka
