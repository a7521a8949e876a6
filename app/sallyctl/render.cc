#include "app/sallyctl/render.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "app/sallyctl/table.h"
#include "lib/stats/executor_counters.h"
#include "lib/stats/reasons.h"
#include "lib/stats/resumption.h"
#include "lib/stats/worker_stats.h"

namespace sallyport::sallyctl {
namespace {

std::uint64_t number(const Json& document, const char* name) {
  const auto found = document.find(name);
  return found != document.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

// text never lets the daemon (or whoever answers in its place) move the terminal's cursor.
std::string text(const Json& document, const char* name, const char* otherwise = "-") {
  const auto found = document.find(name);
  if (found == document.end() || !found->is_string()) return otherwise;
  std::string value = found->get<std::string>();
  std::ranges::replace_if(
      value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return value.empty() ? otherwise : value;
}

const Json& child(const Json& document, const char* name) {
  static const Json nothing = Json::object();
  const auto found = document.find(name);
  return found != document.end() && found->is_object() ? *found : nothing;
}

// entries are the documents of {"0": {...}, "1": {...}}, in the order of their numbers.
std::vector<Json> entries(const Json& list) {
  std::vector<Json> out;
  for (std::size_t i = 0; list.contains(std::to_string(i)); ++i) {
    out.push_back(list[std::to_string(i)]);
  }
  return out;
}

// help_of finds what a counter means; what this version does not know has no help.
template <class Enum>
std::string help_of(const std::string& name) {
  const auto& all = stats::Descriptions<Enum>::all;
  const auto found = std::ranges::find(all, name, &stats::Description::name);
  return found == all.end() ? std::string{} : std::string{found->help};
}

// help_of_lcore finds what a number of an lcore means.
std::string help_of_lcore(const std::string& name) {
  constexpr auto kOthers = std::to_array<stats::Description>({
      {"iterations", "turns of its loop"},
      {"working_us", "time that was not idle since the start, in microseconds"},
      {"established", "TLS handshakes completed"},
  });
  constexpr std::string_view kShare = "_permille";
  if (name.ends_with(kShare)) {
    return "thousandths of its time: " +
           help_of<stats::LcoreRegime>(name.substr(0, name.size() - kShare.size()));
  }
  if (std::string help = help_of<stats::Traffic>(name); !help.empty()) return help;
  if (std::string help = help_of<stats::ExecutorCounter>(name); !help.empty()) return help;
  if (std::string help = help_of<stats::Gauge>(name); !help.empty()) return help + ", now";
  const auto* found = std::ranges::find(kOthers, name, &stats::Description::name);
  return found == kOthers.end() ? std::string{} : std::string{found->help};
}

// counts_table lists named counters, the largest first.
template <class Enum>
std::string counts_table(const Json& counts, const std::string& title, Detail detail) {
  std::vector<std::pair<std::string, std::uint64_t>> rows;
  for (const auto& [name, value] : counts.items()) {
    if (!value.is_number_unsigned()) continue;
    const std::uint64_t count = value;
    if (count > 0 || detail == Detail::all) rows.emplace_back(name, count);
  }
  std::ranges::stable_sort(rows, std::ranges::greater{},
                           [](const auto& row) { return row.second; });
  Table table{{{title, Align::left}, {"count", Align::right}, {"meaning", Align::left}}};
  for (const auto& [name, count] : rows) table.add({name, grouped(count), help_of<Enum>(name)});
  return table.empty() ? std::string{} : "\n" + table.text();
}

std::string quantile(const Json& document, const char* name) {
  return document.contains(name) ? microseconds_text(number(document, name)) : "-";
}

}  // namespace

std::string render_handshakes(const Json& document, Detail detail) {
  const Json& stages = child(document, "stages");
  Table funnel{{{"stage", Align::left},
                {"count", Align::right},
                {"of SYNs", Align::right},
                {"of previous", Align::right},
                {"p50 us", Align::right},
                {"p90 us", Align::right},
                {"p99 us", Align::right},
                {"p99.9 us", Align::right}}};
  std::uint64_t first = 0;
  std::uint64_t previous = 0;
  bool is_first = true;
  for (const stats::Description& stage : stats::Descriptions<stats::HandshakeStage>::all) {
    const std::string name{stage.name};
    const Json& entry = child(stages, name.c_str());
    const std::uint64_t count = number(entry, "count");
    // Only some pools have this one, so it is no measure for the next.
    const bool is_passed_by_some =
        name == stats::name_of(stats::HandshakeStage::backend_tls_established);
    if (is_passed_by_some && count == 0) continue;
    if (is_first) first = count;
    funnel.add({name, grouped(count), percent_text(count, first),
                is_first ? "" : percent_text(count, previous), quantile(entry, "p50_nanoseconds"),
                quantile(entry, "p90_nanoseconds"), quantile(entry, "p99_nanoseconds"),
                quantile(entry, "p999_nanoseconds")});
    if (!is_passed_by_some) previous = count;
    is_first = false;
  }
  std::string out = funnel.text();
  if (number(child(stages, "job_submitted"), "count") >
      number(child(stages, "client_hello"), "count")) {
    out += "\nof TLS 1.2 one handshake submits two jobs\n";
  }
  const Json& whole = child(document, "handshake");
  if (number(whole, "count") > 0) {
    out += "\nfrom the first proven segment to Finished: p50 " +
           duration_text(number(whole, "p50_nanoseconds")) + ", p90 " +
           duration_text(number(whole, "p90_nanoseconds")) + ", p99 " +
           duration_text(number(whole, "p99_nanoseconds")) + ", p99.9 " +
           duration_text(number(whole, "p999_nanoseconds")) + "\n";
  }
  out += counts_table<stats::Resumption>(child(document, "resumptions"), "handshake", detail);
  out += counts_table<stats::HandshakeFailure>(child(document, "failures"), "failure", detail);
  out += counts_table<stats::CookieRefusal>(child(document, "cookie_refusals"), "cookie refused",
                                            detail);
  out += counts_table<stats::TicketRefusal>(child(document, "ticket_refusals"), "ticket refused",
                                            detail);
  out += counts_table<stats::CloseCause>(child(document, "closes"), "closed by", detail);
  out += counts_table<stats::BackendTlsFailure>(child(document, "backend_tls_failures"),
                                                "TLS with backends", detail);
  return out;
}

std::string render_connections(const Json& document, Detail detail) {
  const Json& totals = child(document, "totals");
  const std::uint64_t all = number(totals, "connections");
  std::string out = grouped(all) + (all == 1 ? " connection" : " connections");
  // Of the gauges, only these are about connections.
  constexpr auto kConnectionGauges = std::to_array<std::string_view>({"handshakes", "time_wait"});
  for (const auto& [name, value] : totals.items()) {
    if (name == "connections" || !value.is_number_unsigned()) continue;
    const auto count = value.get<std::uint64_t>();
    const bool relevant =
        count > 0 && std::ranges::find(kConnectionGauges, name) != kConnectionGauges.end();
    if (relevant || detail == Detail::all) {
      std::string words = name;
      std::ranges::replace(words, '_', ' ');
      out += ", " + grouped(count) + " " + words;
    }
  }
  out += "\n";
  const std::vector<Json> list = entries(child(document, "list"));
  const bool knows_clients = std::ranges::any_of(
      list, [](const Json& c) { return !text(c, "client_fingerprint", "").empty(); });
  std::vector<Table::Column> columns{{"client", Align::left},     {"listener", Align::left},
                                     {"state", Align::left},      {"tls", Align::left},
                                     {"backend", Align::left},    {"state", Align::left},
                                     {"age", Align::right},       {"to backend", Align::right},
                                     {"to client", Align::right}, {"worker", Align::right}};
  const bool has_tls_behind =
      std::ranges::any_of(list, [](const Json& c) { return !text(c, "backend_tls", "").empty(); });
  if (has_tls_behind) columns.push_back({"backend tls", Align::left});
  if (knows_clients) columns.push_back({"certificate", Align::left});
  Table table{std::move(columns)};
  for (const Json& c : list) {
    const std::string version = text(c, "tls_version", "");
    std::vector<std::string> row{text(c, "client"),
                                 text(c, "listener"),
                                 text(c, "client_state"),
                                 text(c, "tls_state") + (version.empty() ? "" : " " + version),
                                 text(c, "backend"),
                                 text(c, "backend_state"),
                                 age_text(number(c, "age_milliseconds")),
                                 bytes_text(number(c, "client_to_backend_bytes")),
                                 bytes_text(number(c, "backend_to_client_bytes")),
                                 std::to_string(number(c, "worker"))};
    if (has_tls_behind) row.push_back(text(c, "backend_tls", ""));
    if (knows_clients) row.push_back(text(c, "client_subject", ""));
    table.add(std::move(row));
  }
  if (table.empty()) return out;
  out += "\n" + table.text();
  const std::uint64_t shown = number(document, "shown");
  if (shown < all) {
    out += "\n" + grouped(all - shown) +
           " more are not listed: --limit, and 256 of each I/O core at most\n";
  }
  return out;
}

// lanes_text is how many of the eight lanes a batch of these operations has used on average.
std::string lanes_text(const Json& lcore, const std::string& operation) {
  const std::uint64_t batches = number(lcore, (operation + "_batches").c_str());
  if (batches == 0) return "-";
  const std::uint64_t tenths = 10 * number(lcore, (operation + "_lanes").c_str()) / batches;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string render_lcores(const Json& document, Detail detail) {
  Table table{{{"lcore", Align::right},
               {"role", Align::left},
               {"busy", Align::right},
               {"crypto", Align::right},
               {"backpressured", Align::right},
               {"idle", Align::right},
               {"connections", Align::right},
               {"established", Align::right},
               {"rx frames", Align::right},
               {"tx frames", Align::right},
               {"steered in", Align::right},
               {"jobs", Align::right}}};
  Table lanes{{{"lanes in use", Align::left},
               {"key pairs", Align::right},
               {"agreements", Align::right},
               {"ECDSA", Align::right},
               {"RSA", Align::right}}};
  const std::vector<Json> lcores = entries(child(document, "lcores"));
  for (const Json& l : lcores) {
    table.add({std::to_string(number(l, "lcore")), text(l, "role"),
               permille_text(number(l, "busy_permille")),
               permille_text(number(l, "crypto_permille")),
               permille_text(number(l, "backpressured_permille")),
               permille_text(number(l, "idle_permille")), grouped(number(l, "connections")),
               grouped(number(l, "established")), grouped(number(l, "rx_frames")),
               grouped(number(l, "tx_frames")), grouped(number(l, "steered_in")),
               grouped(number(l, "jobs_ok"))});
    lanes.add({"lcore " + std::to_string(number(l, "lcore")), lanes_text(l, "key_share"),
               lanes_text(l, "derive"), lanes_text(l, "sign"), lanes_text(l, "rsa")});
  }
  std::string out = table.text() + "\n" + lanes.text();
  if (detail == Detail::relevant) return out;
  // Everything else that an lcore counts, one column per lcore.
  for (const Json& l : lcores) {
    Table counters{{{"lcore " + std::to_string(number(l, "lcore")), Align::left},
                    {"count", Align::right},
                    {"meaning", Align::left}}};
    for (const auto& [name, value] : l.items()) {
      if (!value.is_number_unsigned() || name == "lcore") continue;
      counters.add({name, grouped(value.get<std::uint64_t>()), help_of_lcore(name)});
    }
    out += "\n" + counters.text();
  }
  return out;
}

std::string render_ports(const Json& document, Detail detail) {
  std::string out;
  for (const Json& p : entries(child(document, "ports"))) {
    if (!out.empty()) out += "\n";
    const std::uint64_t speed = number(p, "link_mbps");
    out += text(p, "name") + ": " + text(p, "device") + ", driver " + text(p, "driver") + ", " +
           text(p, "mac") + "\n";
    out += "  link " + text(p, "link") + (speed > 0 ? ", " + grouped(speed) + " Mb/s" : "") +
           ", mtu " + std::to_string(number(p, "mtu")) + ", queues " +
           std::to_string(number(p, "rx_queues")) + " rx " +
           std::to_string(number(p, "tx_queues")) + " tx, steering " + text(p, "steering") + "\n";
    out += "  offloads: " + text(p, "offloads", "none") + "\n";
    out += "  in software: " + text(p, "emulated", "none") + "\n";
    out += "  rx " + grouped(number(p, "rx_frames")) + " frames, " +
           bytes_text(number(p, "rx_bytes")) + "\n";
    out += "  tx " + grouped(number(p, "tx_frames")) + " frames, " +
           bytes_text(number(p, "tx_bytes")) + "\n";
    struct Loss {
      const char* name;
      const char* meaning;
    };
    constexpr auto kLosses = std::to_array<Loss>({
        {"rx_missed", "no free descriptor: the cores were too slow"},
        {"rx_no_buffer", "no free frame: frames_per_lcore is too low"},
        {"rx_errors", "received damaged"},
        {"tx_errors", "not sent"},
    });
    for (const Loss& loss : kLosses) {
      const std::uint64_t count = number(p, loss.name);
      if (count > 0 || detail == Detail::all) {
        out += "  " + std::string{loss.name} + " " + grouped(count) + ": " + loss.meaning + "\n";
      }
    }
  }
  return out.empty() ? "no ports\n" : out;
}

std::string render_backends(const Json& document, Detail) {
  const std::vector<Json> backends = entries(child(document, "backends"));
  const auto speaks_tls = [](const Json& b) { return b.contains("tls_established"); };
  const bool has_tls = std::ranges::any_of(backends, speaks_tls);
  std::vector<Table::Column> columns{
      {"pool", Align::left},         {"backend", Align::left},  {"weight", Align::right},
      {"health", Align::left},       {"next hop", Align::left}, {"connections", Align::right},
      {"established", Align::right}, {"refused", Align::right}, {"timed out", Align::right}};
  if (has_tls) {
    columns.push_back({"tls", Align::right});
    columns.push_back({"resumed", Align::right});
    columns.push_back({"tls failed", Align::right});
  }
  Table table{std::move(columns)};
  for (const Json& b : backends) {
    std::vector<std::string> row{text(b, "pool"),
                                 text(b, "address"),
                                 grouped(number(b, "weight")),
                                 text(b, "health"),
                                 text(b, "next_hop"),
                                 grouped(number(b, "connections")),
                                 grouped(number(b, "established")),
                                 grouped(number(b, "refused")),
                                 grouped(number(b, "timed_out"))};
    if (speaks_tls(b)) {
      row.push_back(grouped(number(b, "tls_established")));
      row.push_back(grouped(number(b, "tls_resumed")));
      row.push_back(grouped(number(b, "tls_failed")));
    } else if (has_tls) {
      row.insert(row.end(), {"off", "", ""});
    }
    table.add(std::move(row));
  }
  return table.empty() ? "no backends\n" : table.text();
}

std::string render_fingerprints(const Json& document, Detail detail) {
  const std::uint64_t clients = number(document, "clients");
  const std::vector<Json> list = entries(child(document, "fingerprints"));
  if (list.empty()) return "no client was fingerprinted: listener.tls.fingerprints\n";
  bool is_exact = true;
  for (const Json& f : list) is_exact = is_exact && number(f, "error") == 0;
  std::vector<Table::Column> columns{
      {"JA4", Align::left}, {"last JA3", Align::left}, {"clients", Align::right}};
  if (!is_exact || detail == Detail::all) columns.push_back({"at least", Align::right});
  columns.push_back({"share", Align::right});
  columns.push_back({"last server name", Align::left});
  Table table{columns};
  for (const Json& f : list) {
    const std::uint64_t count = number(f, "clients");
    std::vector<std::string> row{text(f, "ja4"), text(f, "ja3"), grouped(count)};
    if (!is_exact || detail == Detail::all) {
      row.push_back(grouped(count - std::min(count, number(f, "error"))));
    }
    row.push_back(percent_text(count, clients));
    row.push_back(text(f, "server_name", ""));
    table.add(std::move(row));
  }
  return table.text() + "\ntotal " + grouped(clients) + "\n";
}

std::string render_drops(const Json& document, Detail detail) {
  struct Row {
    std::string name;
    std::uint64_t count;
    std::string help;
  };
  std::vector<Row> rows;
  std::uint64_t total = 0;
  for (const auto& [name, entry] : child(document, "reasons").items()) {
    if (!entry.is_object()) continue;
    const std::uint64_t count = number(entry, "count");
    total += count;
    if (count > 0 || detail == Detail::all) rows.push_back({name, count, text(entry, "help", "")});
  }
  if (rows.empty()) return "no frame has been dropped\n";
  std::ranges::stable_sort(rows, std::ranges::greater{}, &Row::count);
  Table table{{{"reason", Align::left},
               {"frames", Align::right},
               {"share", Align::right},
               {"meaning", Align::left}}};
  for (const Row& row : rows) {
    table.add({row.name, grouped(row.count), percent_text(row.count, total), row.help});
  }
  return table.text() + "\ntotal " + grouped(total) + "\n";
}

}  // namespace sallyport::sallyctl
