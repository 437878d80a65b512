import asyncio
import threading

from notifications.lib.loop_calls import LoopCalls


def test_calls_before_the_loop_wakes_up_share_one_wake_up(monkeypatch):
    called = []

    async def main():
        loop = asyncio.get_running_loop()
        calls, wake_ups = LoopCalls.of_running_loop(), []
        wake = loop.call_soon_threadsafe
        monkeypatch.setattr(
            loop,
            "call_soon_threadsafe",
            lambda function: (wake_ups.append(1), wake(function)),
        )
        done = asyncio.Event()

        def many():
            for number in range(100):
                calls.call(lambda number=number: called.append(number))
            calls.call(done.set)

        thread = threading.Thread(target=many)
        thread.start()
        thread.join()
        await done.wait()
        return wake_ups

    wake_ups = asyncio.run(main())

    assert called == [*range(100)]
    assert wake_ups == [1]


def test_loop_wakes_up_again():
    async def main():
        calls = LoopCalls.of_running_loop()
        for _ in range(2):
            done = asyncio.Event()
            calls.call(done.set)
            await asyncio.wait_for(done.wait(), 10)

    asyncio.run(main())


def test_all_in_a_loop_share_one():
    async def main():
        return LoopCalls.of_running_loop() is LoopCalls.of_running_loop()

    assert asyncio.run(main())


def test_nothing_is_called_after_the_end_of_the_loop():
    async def main():
        return LoopCalls.of_running_loop()

    asyncio.run(main()).call(lambda: 1 / 0)
