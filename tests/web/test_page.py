"""The page as a thumb meets it: real Chromium at 390x844 over the real product."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, WebSocketRoute, expect

from tests.product import Product
from tests.web.phone import LIVE_MS, RENDER_MS, SWARM_MS, Phone, completed, play


def test_from_words_to_a_lane(phones: list[Phone]) -> None:
    phone, friend = phones
    page = phone.page
    phone.tab("create")
    page.get_by_label("Prompt").fill("turt")
    page.locator(".found").get_by_role("button", name="turtle", exact=True).tap()
    expect(page.get_by_label("Prompt")).to_have_value("turtle")
    swarm = phone.draw("a turtle jumps in a forest at night", 4)
    expect(completed(swarm)).to_have_count(4, timeout=SWARM_MS)
    # Each tile showed pictures before it was finished, and plays now.
    assert all(int(tile.get_attribute("data-pictures") or 0) >= 1 for tile in completed(swarm).all())
    play(completed(swarm).first.locator("video"))
    assert phone.fits()

    completed(swarm).first.locator(".hit").tap()
    page.get_by_role("button", name="Render").tap()
    expect(page.locator(".stage[data-tier=full] video")).to_be_visible(timeout=RENDER_MS)
    expect(page.locator(".facts")).to_contain_text("Like its preview")
    expect(page.locator(".facts")).to_contain_text("CPU s")
    page.get_by_role("tab", name="Preview").tap()
    expect(page.locator(".stage[data-tier=preview] video")).to_be_visible()
    page.get_by_role("tab", name="Render").tap()
    assert phone.fits()
    caption = f"turtle of {phone.handle}"
    page.get_by_label("Caption").fill(caption)
    page.get_by_role("button", name="Post", exact=True).tap()
    page.get_by_role("button", name="See it").tap()
    root = page.locator(".card", has_text=caption)
    expect(root).to_be_in_viewport(ratio=0.9)
    play(root.locator("video"))

    # Another person finds it, likes it and remixes it.
    seen = friend.page
    friend.tab("feed")
    seen.get_by_role("tab", name="Fresh").tap()
    trend = seen.locator(".trend", has_text=caption)
    expect(trend).to_be_in_viewport(ratio=0.9)
    trend.get_by_role("button", name="Like").first.tap()
    expect(trend.get_by_role("button", name="Like").first).to_have_text("1")
    trend.get_by_role("button", name="Remix").first.tap()
    expect(seen.get_by_label("Prompt")).to_have_value("a turtle jumps in a forest at night")
    remix = friend.draw("a turtle jumps in a desert at night", 1)
    expect(completed(remix)).to_have_count(1, timeout=SWARM_MS)
    completed(remix).locator(".hit").tap()
    seen.get_by_role("button", name="Post", exact=True).tap()
    expect(seen.locator(".posted")).to_be_visible()
    expect(page.locator("#toast")).to_contain_text("remixed your post", timeout=LIVE_MS)

    # Sideways from the root lies the remix, with what it changed and how close it is.
    seen.get_by_role("button", name="See it").tap()
    card = seen.locator(".card", has_text=f"@{friend.handle}")
    expect(card).to_be_in_viewport(ratio=0.9)
    expect(card.locator("ins").first).to_contain_text("desert")
    expect(card.locator("del").first).to_contain_text("forest")
    expect(card.locator("meter")).to_be_attached()
    seen.keyboard.press("ArrowLeft")
    expect(seen.locator(".card", has_text=caption)).to_be_in_viewport(ratio=0.9)
    seen.locator(".trend", has_text=caption).locator(".lane").evaluate(
        "(lane) => lane.scrollBy({ left: lane.clientWidth })"
    )
    expect(card).to_be_in_viewport(ratio=0.9)
    assert friend.fits()


def test_a_landscape_of_three_seconds(phones: list[Phone]) -> None:
    phone = phones[0]
    page = phone.page
    phone.tab("create")
    page.get_by_role("radio", name="Landscape").tap()
    page.get_by_role("radio", name="3 seconds").tap()
    expect(page.get_by_role("radio", name="Landscape")).to_be_checked()
    # Half as long again, so each costs two.
    expect(page.locator(".composer .primary")).to_contain_text("8 credits")
    tiles = completed(phone.draw("a bus walks left in a city by day", 2))
    # Until both are there, `first` can become another one in the middle of the test.
    expect(tiles).to_have_count(2, timeout=SWARM_MS)
    tile = tiles.first
    clip = tile.locator("video")
    play(clip)
    assert clip.evaluate("(video) => [video.videoWidth > video.videoHeight, video.duration > 3]") == [
        True,
        True,
    ]
    box = tile.bounding_box()
    assert box is not None
    assert box["width"] > 1.4 * box["height"]
    assert phone.fits()
    tile.locator(".hit").tap()
    expect(page.get_by_role("button", name="Render")).to_contain_text("12 credits")
    stage = page.locator(".stage video")
    play(stage)
    box = stage.bounding_box()
    assert box is not None
    assert 300 < box["width"] <= 390
    page.get_by_role("button", name="Render").tap()
    expect(page.locator(".stage[data-tier=full] video")).to_be_visible(timeout=RENDER_MS)
    expect(page.locator(".facts")).to_contain_text("384x256")
    page.get_by_label("Caption").fill(f"wide {phone.handle}")
    page.get_by_role("button", name="Post", exact=True).tap()
    page.get_by_role("button", name="See it").tap()
    card = page.locator(".card.whole", has_text=f"wide {phone.handle}")
    play(card.locator("video"))
    assert phone.fits()
    # A remix keeps its shape: nothing is asked.
    card.get_by_role("button", name="Remix").tap()
    expect(page.locator(".format")).to_be_hidden()


def test_a_clip_goes_on_and_is_joined(phones: list[Phone]) -> None:
    phone = phones[0]
    page = phone.page
    phone.tab("create")
    clip = phone.draw("a cat walks left on a beach by day", 1)
    expect(completed(clip)).to_have_count(1, timeout=SWARM_MS)
    completed(clip).locator(".hit").tap()
    expect(page.get_by_role("button", name="Reroll")).to_be_visible()
    card = page.evaluate("fetch('/v1/models').then((reply) => reply.json())")["data"][0]
    if "begin" not in card["conditions"]:
        expect(page.get_by_role("button", name="Go on")).to_have_count(0)
        pytest.skip("this model can't be shown what to go on from")
    page.get_by_role("button", name="Go on").tap()
    expect(page.locator(".swarm")).to_have_count(2)
    further = page.locator(".swarm").first
    expect(completed(further)).to_have_count(4, timeout=SWARM_MS)
    completed(further).first.locator(".hit").tap()
    assert phone.fits()
    page.get_by_role("button", name="Join").tap()
    expect(page.locator(".swarm")).to_have_count(3)
    whole = page.locator(".swarm").first
    expect(completed(whole)).to_have_count(1, timeout=SWARM_MS)
    play(completed(whole).locator("video"))
    completed(whole).locator(".hit").tap()
    # What is joined was not drawn, so there is nothing to render.
    expect(page.get_by_role("button", name="Post", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Render")).to_have_count(0)


def test_cancelling_all_gives_the_credits_of_what_was_not_seen_back(
    phones: list[Phone], product: Product
) -> None:
    phone = phones[0]
    phone.tab("create")
    swarm = phone.draw("a car walks left in a city", 16)
    swarm.get_by_role("button", name="Cancel all").tap()
    expect(swarm.locator(".tile[data-status=cancelled]").first).to_be_visible()
    expect(swarm.get_by_role("button", name="Cancel all")).to_be_hidden()
    # One may have been on its way still.
    over = swarm.locator(".tile[data-status=completed], .tile[data-status=cancelled]")
    expect(over).to_have_count(16)
    token = str(phone.page.evaluate("JSON.parse(localStorage.getItem('riffle.session')).access_token"))
    videos = product.call("GET", "/v1/videos?limit=100", token=token)[1]["data"]
    assert len(videos) == 16
    paid = sum(video["cost"]["credits"] for video in videos)
    # What was drawn, and at most what was being drawn, of which a picture was seen.
    assert completed(swarm).count() <= paid < 16
    phone.tab("me")
    expect(phone.page.locator(".me")).to_contain_text(f"{1000 - paid} credits to spend")


def test_a_swarm_survives_a_reload_and_a_lost_socket(phones: list[Phone]) -> None:
    phone = phones[0]
    page = phone.page
    phone.tab("create")
    phone.draw("a fox spins on a beach by day", 3)
    page.reload()
    swarm = page.locator(".swarm").first
    expect(completed(swarm)).to_have_count(3, timeout=SWARM_MS)
    # Without the network of the socket the page reads the list instead.
    page.route_web_socket(re.compile(".*"), lambda socket: socket.close())
    page.reload()
    swarm = phone.draw("a fox spins on a beach by day", 2)
    expect(completed(swarm)).to_have_count(2, timeout=SWARM_MS)


def test_a_cameo_request_arrives_live(phones: list[Phone]) -> None:
    owner, friend = phones
    owner.tab("cameos")
    owner.page.get_by_label("Name of the cameo").fill("Ada")
    owner.page.get_by_role("button", name="Make a cameo").tap()
    cameo = owner.page.locator("[data-cameo] .id").inner_text()
    owner.tab("feed")

    friend.tab("cameos")
    friend.page.get_by_label("Cameo id").fill(cameo)
    friend.page.get_by_label("Message").fill("<b>a birthday</b>")
    friend.page.get_by_role("button", name="Ask", exact=True).tap()
    expect(friend.page.locator("[data-grant]")).to_contain_text("waits for an answer")

    expect(owner.page.locator("#badge")).to_have_text("1", timeout=LIVE_MS)
    expect(owner.page.locator("#toast")).to_contain_text(f"@{friend.handle} asks to use Ada")
    owner.page.get_by_role("button", name="Answer").tap()
    # What others write is text, never markup.
    expect(owner.page.locator(".request")).to_contain_text("<b>a birthday</b>")
    assert owner.fits()
    owner.page.get_by_role("button", name="Accept").tap()
    expect(owner.page.locator("#badge")).to_be_hidden()
    expect(friend.page.locator("[data-grant][data-status=accepted]")).to_be_visible(timeout=LIVE_MS)

    friend.tab("create")
    friend.page.get_by_role("button", name="Cameo", exact=True).tap()
    friend.page.get_by_label("Ada").check()
    friend.page.get_by_label("Close", exact=True).tap()
    swarm = friend.draw("a panda hops in a city at night", 1)
    expect(completed(swarm)).to_have_count(1, timeout=SWARM_MS)
    owner.page.get_by_role("button", name="Uses").tap()
    expect(owner.page.locator("dialog")).to_contain_text(friend.handle)
    owner.page.get_by_label("Close", exact=True).tap()

    # Taken back, it is refused in words before anything is paid.
    owner.page.get_by_role("button", name="Take back").tap()
    owner.page.locator("dialog").get_by_role("button", name="Take back").tap()
    expect(friend.page.locator("#toast")).to_contain_text("taken back", timeout=LIVE_MS)
    chip = friend.page.locator(".chosen .chip", has_text="Ada")
    expect(chip).to_contain_text("Its owner took the permission back.", timeout=LIVE_MS)
    friend.page.locator(".composer .primary").tap()
    refusal = friend.page.locator(".composer .refusal")
    expect(refusal).to_have_text("Ada can't be in this video. Its owner took the permission back.")
    assert friend.fits()
    chip.tap()
    expect(refusal).to_have_count(0)
    expect(chip).to_have_count(0)


def test_signing_out_and_in_again(phones: list[Phone]) -> None:
    phone = phones[0]
    page = phone.page
    phone.tab("me")
    page.get_by_role("button", name="Sign out").tap()
    page.get_by_role("button", name="I have an account").tap()
    page.get_by_label("Handle").fill(phone.handle)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").tap()
    expect(page.get_by_role("alert")).not_to_be_empty()
    page.get_by_label("Password").fill(phone.password)
    page.get_by_role("button", name="Sign in").tap()
    expect(page.locator("#tabs")).to_be_visible()


def test_an_expired_token_is_renewed_unseen(phones: list[Phone]) -> None:
    phone = phones[0]
    page = phone.page
    page.evaluate(
        """() => {
            const known = JSON.parse(localStorage.getItem("riffle.session"));
            localStorage.setItem("riffle.session", JSON.stringify({ ...known, access_token: "stale" }));
        }"""
    )
    page.reload()
    phone.tab("me")
    expect(page.locator(".me")).to_contain_text(f"@{phone.handle}")


def test_a_small_phone_and_one_on_its_side(phones: list[Phone]) -> None:
    phone = phones[0]
    for size in ({"width": 320, "height": 568}, {"width": 844, "height": 390}):
        phone.page.set_viewport_size(size)  # type: ignore[arg-type]
        for tab in ("feed", "create", "cameos", "me"):
            phone.tab(tab)
            expect(phone.page.locator(".view:not([hidden])")).to_have_count(1)
            assert phone.fits(), (size, tab)


def test_an_account_is_changed_and_left(phones: list[Phone]) -> None:
    phone, other = phones
    page = phone.page
    phone.tab("me")
    page.get_by_role("button", name="Account", exact=True).tap()
    sheet = page.locator("dialog")
    sheet.get_by_label("Name that others see").fill("Somebody Else")
    sheet.get_by_role("button", name="Save name").tap()
    expect(page.locator("#toast")).to_contain_text("Saved")
    # A wrong password says so and signs nobody out.
    sheet.get_by_label("Present password").fill("not the password")
    sheet.get_by_label("New password").fill("battery staple 7")
    sheet.get_by_role("button", name="Change password").tap()
    expect(page.locator("#toast")).to_contain_text("password is wrong")
    sheet.get_by_label("Present password").fill(phone.password)
    sheet.get_by_role("button", name="Change password").tap()
    expect(page.locator("#toast")).to_contain_text("Changed")
    sheet.get_by_role("button", name="Where am I signed in?").tap()
    expect(sheet.locator("[data-session]")).to_have_count(1)
    assert phone.fits()
    with page.expect_download() as download:
        sheet.get_by_role("button", name="Take my data along").tap()
    assert download.value.suggested_filename == f"riffle-{phone.handle}.zip"
    sheet.get_by_role("button", name="Delete account").tap()
    page.get_by_label("Password to delete the account").fill("battery staple 7")
    page.get_by_role("button", name="Delete account", exact=True).tap()
    expect(page.get_by_role("button", name="Join Riffle")).to_be_visible()
    other.tab("me")
    expect(other.page.locator(".me")).to_contain_text(f"@{other.handle}")


def test_a_refresh_whose_answer_is_lost_signs_nobody_out(phones: list[Phone]) -> None:
    phone = phones[0]
    page = phone.page
    lost: list[str] = []

    def lose_the_first(route: Route) -> None:
        """The service does it, and its answer never comes."""
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().text())
        route.abort()

    page.route("**/v1/sessions/refresh", lose_the_first)
    page.evaluate(
        """() => {
            const known = JSON.parse(localStorage.getItem("riffle.session"));
            localStorage.setItem("riffle.session", JSON.stringify({ ...known, access_token: "stale" }));
        }"""
    )
    page.reload()
    phone.tab("me")
    expect(page.locator(".me")).to_contain_text(f"@{phone.handle}")
    assert lost
    kept = page.evaluate("JSON.parse(localStorage.getItem('riffle.session')).refresh_token")
    assert kept == json.loads(lost[0])["session"]["refresh_token"]


def test_a_socket_that_died_without_a_word_is_replaced(phones: list[Phone]) -> None:
    """Packets are dropped from some moment on: nothing closes, nothing comes."""
    page = phones[0].page
    # For each socket what came from the gateway, and whether its packets are dropped.
    heard: list[list[str]] = []
    dead: set[int] = set()

    def pass_on(socket: WebSocketRoute) -> None:
        number = len(heard)
        heard.append([])
        server = socket.connect_to_server()

        def from_gateway(data: str | bytes) -> None:
            if number not in dead:
                heard[number].append(str(data))
                socket.send(data)

        socket.on_message(lambda data: None if number in dead else server.send(data))
        server.on_message(from_gateway)

    def until(what: Callable[[], bool]) -> None:
        for _ in range(LIVE_MS // 100):
            if what():
                return
            page.wait_for_timeout(100)
        raise AssertionError(f"{heard}")

    page.route_web_socket(re.compile(r"^ws:"), pass_on)
    page.reload()
    until(lambda: len(heard) == 1 and any("welcome" in frame for frame in heard[0]))
    # A socket that lives is kept, however often the phone wakes up.
    for _ in range(3):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_timeout(500)
    page.wait_for_timeout(5000)
    assert len(heard) == 1
    assert sum("pong" in frame for frame in heard[0]) >= 3
    dead.add(0)
    page.evaluate("dispatchEvent(new Event('online'))")
    until(lambda: len(heard) == 2 and any("welcome" in frame for frame in heard[1]))
