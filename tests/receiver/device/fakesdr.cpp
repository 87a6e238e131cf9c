// A receiver for SoapySDR's plug-in interface that plays a file, and fails as it is told.
//
// driver=fakesdr,file=PATH
//   format=CS16|CF32    of the file, and native
//   loop                play it over and over
//   speed=TIMES         faster than the rate
//   untimed             no timestamps
//   ahead=SECONDS       a clock on UTC, so far ahead of this computer's
//   gives=RATE          whatever is asked for
//   busy=PATH           cannot be opened while that file exists
//   events=WHAT@SAMPLE:VALUE;…
//     overflow:LOST  jump:LOST (no error, only the time tells)  timeout  corrupt  stall:MILLISECONDS (nothing is lost)
//     lose:COUNT (from here on so many of 8192)  hang (only timeouts from here on)  spin (does not return)  unplug  error:CODE
#include <SoapySDR/Device.hpp>
#include <SoapySDR/Errors.hpp>
#include <SoapySDR/Formats.hpp>
#include <SoapySDR/Registry.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

using Clock = std::chrono::steady_clock;

struct Event {
    std::string what;
    long long lost;
};

class Fake : public SoapySDR::Device {
    std::vector<char> samples;
    std::multimap<long long, Event> events;
    std::string format = SOAPY_SDR_CS16, log;
    double rate = 250e3, frequency = 0, gain = 0, speed = 1, gives = 0;
    bool agc = true, timed = true, loop = false, hangs = false;
    double ahead = 0;
    long long epoch = 0, at = 0, loses = 0, size = 4, length = 0;
    Clock::time_point begun;

  public:
    explicit Fake(const SoapySDR::Kwargs &args) {
        if (args.count("busy") && std::ifstream(args.at("busy"))) throw std::runtime_error("device or resource busy");
        std::ifstream file(args.at("file"), std::ios::binary);
        if (!file) throw std::runtime_error("no file " + args.at("file"));
        file.seekg(0, std::ios::end);
        samples.resize(size_t(file.tellg()));
        file.seekg(0);
        file.read(samples.data(), std::streamsize(samples.size()));
        if (args.count("format")) format = args.at("format");
        size = format == SOAPY_SDR_CF32 ? 8 : 4;
        length = (long long)(samples.size()) / size;
        if (args.count("ahead")) ahead = std::stod(args.at("ahead"));
        if (args.count("log")) log = args.at("log");
        if (args.count("speed")) speed = std::stod(args.at("speed"));
        if (args.count("gives")) gives = std::stod(args.at("gives"));
        loop = args.count("loop");
        timed = !args.count("untimed");
        std::stringstream list(args.count("events") ? args.at("events") : "");
        for (std::string item; std::getline(list, item, ';');) {
            const auto sign = item.find('@'), colon = item.find(':');
            events.emplace(std::stoll(item.substr(sign + 1)),
                           Event{item.substr(0, sign), colon == std::string::npos ? 0 : std::stoll(item.substr(colon + 1))});
        }
    }
    /* what is set goes into a file, a line each */
    void note(const std::string &what, const std::string &value) const {
        if (!log.empty()) std::ofstream(log, std::ios::app) << what << " " << value << "\n";
    }
    std::vector<std::string> listGains(const int, const size_t) const override { return {"LNA", "VGA"}; }
    void setGain(const int, const size_t, const std::string &name, const double value) override {
        if (agc) throw std::runtime_error("the gain is automatic");
        note(name, std::to_string(int(value)));
    }
    std::vector<std::string> listAntennas(const int, const size_t) const override { return {"RX", "LNAW"}; }
    void setAntenna(const int, const size_t, const std::string &name) override { note("antenna", name); }
    void setBandwidth(const int, const size_t, const double wanted) override {
        note("bandwidth", std::to_string((long long)(wanted)));
    }
    std::vector<std::string> listClockSources() const override { return {"internal", "external"}; }
    void setClockSource(const std::string &name) override { note("clock", name); }
    std::vector<std::string> listTimeSources() const override { return {"internal", "gpsdo"}; }
    void setTimeSource(const std::string &name) override { note("time", name); }
    void writeSetting(const std::string &key, const std::string &value) override {
        if (key == "none") throw std::runtime_error("no such setting");
        note(key, value);
    }
    std::string getDriverKey() const override { return "fakesdr"; }
    size_t getNumChannels(const int) const override { return 1; }
    std::string getNativeStreamFormat(const int, const size_t, double &full) const override {
        full = size == 4 ? 32768 : 1;
        return format;
    }
    std::vector<std::string> getStreamFormats(const int, const size_t) const override { return {format}; }
    void setSampleRate(const int, const size_t, const double wanted) override {
        if (wanted > 1e7) throw std::runtime_error("too fast");
        rate = gives ? gives : wanted;
    }
    double getSampleRate(const int, const size_t) const override { return rate; }
    std::vector<std::string> listFrequencies(const int, const size_t) const override { return {"RF"}; }
    void setFrequency(const int, const size_t, const std::string &, const double wanted, const SoapySDR::Kwargs &) override {
        frequency = wanted;
    }
    double getFrequency(const int, const size_t, const std::string &) const override { return frequency; }
    bool hasGainMode(const int, const size_t) const override { return true; }
    void setGainMode(const int, const size_t, const bool automatic) override { agc = automatic; }
    void setGain(const int, const size_t, const double value) override {
        if (agc) throw std::runtime_error("the gain is automatic");
        gain = value;
    }
    SoapySDR::Stream *setupStream(const int, const std::string &wanted, const std::vector<size_t> &,
                                  const SoapySDR::Kwargs &) override {
        if (wanted != format) throw std::runtime_error("only " + format);
        return reinterpret_cast<SoapySDR::Stream *>(this);
    }
    void closeStream(SoapySDR::Stream *) override {}
    size_t getStreamMTU(SoapySDR::Stream *) const override { return 8192; }
    int activateStream(SoapySDR::Stream *, const int, const long long, const size_t) override {
        begun = Clock::now();
        if (ahead != 0)
            epoch = std::chrono::duration_cast<std::chrono::nanoseconds>(
                        std::chrono::system_clock::now().time_since_epoch()).count() + (long long)(ahead * 1e9);
        return 0;
    }
    int deactivateStream(SoapySDR::Stream *, const int, const long long) override { return 0; }
    int readStream(SoapySDR::Stream *, void *const *buffers, const size_t count, int &flags, long long &ns,
                   const long wait) override {
        auto next = events.lower_bound(at);
        while (next != events.end() && next->first == at) {
            const Event event = next->second;
            next = events.erase(next);
            if (event.what == "overflow") {
                at += event.lost;
                return SOAPY_SDR_OVERFLOW;
            }
            if (event.what == "timeout") return SOAPY_SDR_TIMEOUT;
            if (event.what == "corrupt") return SOAPY_SDR_CORRUPTION;
            if (event.what == "unplug") return SOAPY_SDR_STREAM_ERROR;
            if (event.what == "error") return int(event.lost);
            if (event.what == "jump") at += event.lost;
            if (event.what == "stall") std::this_thread::sleep_for(std::chrono::milliseconds(event.lost));
            if (event.what == "lose") loses = event.lost;
            if (event.what == "hang") hangs = true;
            while (event.what == "spin") Clock::now();
            next = events.lower_bound(at);
        }
        long long stop = at + std::min<long long>((long long)(count), 8192);
        if (next != events.end()) stop = std::min(stop, next->first);
        if (!loop) stop = std::min(stop, length);
        else stop = std::min(stop, (at / length + 1) * length);
        if (stop <= at || hangs) {
            std::this_thread::sleep_for(std::chrono::microseconds(wait));
            return SOAPY_SDR_TIMEOUT;
        }
        std::this_thread::sleep_until(begun + std::chrono::nanoseconds((long long)(stop / rate / speed * 1e9)));
        std::memcpy(buffers[0], samples.data() + at % length * size, size_t((stop - at) * size));
        flags = timed ? SOAPY_SDR_HAS_TIME : 0;
        ns = epoch + (long long)(at / rate * 1e9);
        const int n = int(stop - at);
        at = stop + loses * (n == 8192);
        return n;
    }
};

static SoapySDR::KwargsList find(const SoapySDR::Kwargs &args) {
    if (!args.count("file")) return {};
    SoapySDR::Kwargs found = args;
    found["label"] = "fake";
    return {found};
}
static SoapySDR::Device *make(const SoapySDR::Kwargs &args) { return new Fake(args); }
static SoapySDR::Registry registered("fakesdr", &find, &make, SOAPY_SDR_ABI_VERSION);
