// The inference simulator, bound to one address (its own command listens on all of them), so that every
// pod of the sandbox has an engine on its own pod IP and the load never leaves the loopback interface.
//
// Environment: POD_IP, the address to listen on; ENGINE_LOAD_TIME, a Go duration that the model takes to
// load: until then the process runs and its port is closed, as with vLLM.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"

	"github.com/llm-d/llm-d-inference-sim/cmd/signals"
	"github.com/llm-d/llm-d-inference-sim/pkg/common"
	"github.com/llm-d/llm-d-inference-sim/pkg/communication"
	vllmsim "github.com/llm-d/llm-d-inference-sim/pkg/llm-d-inference-sim"
)

const drainTimeout = 30 * time.Second

func main() {
	logger := klog.Background()
	ctx := signals.SetupSignalHandler(klog.NewContext(context.Background(), logger))
	if err := run(ctx); err != nil {
		logger.Error(err, "engine failed")
		klog.Flush()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config, err := common.ParseCommandParamsAndLoadConfig()
	if err != nil {
		return err
	}
	if err := load(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	simulators, err := vllmsim.Start(ctx, config, klog.Background())
	if err != nil {
		return err
	}
	var group errgroup.Group
	for _, simulator := range simulators {
		group.Go(func() error { return serve(ctx, simulator) })
	}
	return group.Wait()
}

// load waits as long as a model would take to load, or until the process is told to stop.
func load(ctx context.Context) error {
	text := os.Getenv("ENGINE_LOAD_TIME")
	if text == "" {
		return nil
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("ENGINE_LOAD_TIME: %w", err)
	}
	select {
	case <-time.After(duration):
	case <-ctx.Done():
	}
	return nil
}

func serve(ctx context.Context, simulator *vllmsim.VllmSimulator) error {
	address := net.JoinHostPort(os.Getenv("POD_IP"), strconv.Itoa(simulator.Context.Config().Port))
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return err
	}
	server := communication.New(klog.Background(), simulator)
	failed := make(chan error, 1)
	go func() { failed <- server.StartHTTPServer(ctx, listener) }()
	klog.InfoS("Serving", "address", address)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return drain(listener, simulator)
}

// drain stops listening, as vLLM's server does on SIGTERM, and lets the requests in flight finish.
func drain(listener net.Listener, simulator *vllmsim.VllmSimulator) error {
	if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	for deadline := time.Now().Add(drainTimeout); simulator.OpenRequests() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			klog.InfoS("Drain timed out", "openRequests", simulator.OpenRequests())
			break
		}
	}
	simulator.Stop()
	return nil
}
