from playwright.sync_api import expect


def test_activity_appears_in_a_browser_without_scripts(visit, maja):
    page = visit("/topics/", java_script_enabled=False)
    # The page is being loaded for as long as it goes on.
    page.goto("/activity/", wait_until="commit")
    expect(page.locator(".activity")).to_be_attached()

    maja.ask("Is <b>this</b> live?")

    row = page.locator(".activity-row", has_text="Is <b>this</b> live?")
    expect(row).to_contain_text(f"{maja.name} asked")
    expect(page.locator(".activity-end")).not_to_be_attached()
