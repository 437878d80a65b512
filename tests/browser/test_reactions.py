"""Comments, mentions, votes and accepted answers, as people see them."""

from playwright.sync_api import expect


def test_comment_appears_on_an_open_page_and_rings_for_whom_it_mentions(
    visit, maja, tobias
):
    question = maja.ask("Comments?")
    maja.answer(question, "An answer.")
    page, elsewhere = visit(question), visit("/topics/", tobias)
    answer = page.locator(".answer")
    path = (answer.get_attribute("id") or "").replace("answer-", "/answers/")

    maja.post(f"{path}/comment/", body=f"Ask @{tobias.name}.")

    expect(answer.locator(".comment .prose")).to_have_text(f"Ask @{tobias.name}.")
    expect(elsewhere.locator(".notifications-bell")).to_contain_text("1")
    maja.post(f"{question}comment/", body="On the question.")
    expect(page.locator(".question .comment .prose")).to_have_text("On the question.")


def test_votes_acceptance_and_deletion_work_without_scripts(visit, maja, tobias):
    question = maja.ask("No scripts?")
    tobias.answer(question, "None.")
    page = visit(question, maja, java_script_enabled=False)

    page.get_by_role("button", name="Helpful").click()
    page.get_by_role("button", name="Accept this answer").click()

    expect(page.locator(".answer.accepted")).to_contain_text("1 vote")
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".messages")).to_have_text("Your question is deleted.")
