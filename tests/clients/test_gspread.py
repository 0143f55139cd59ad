"""gspread, as it is published, drives the Sheets simulator: its own sign-in, its own requests, its own errors."""

import unittest

import gspread
import gspread.http_client
import gspread.urls
from gspread.utils import DateTimeOption, MergeType, ValidationConditionType, ValueInputOption, ValueRenderOption

import simulator

_GOOGLE = "https://sheets.googleapis.com"

# gspread keeps the addresses of its calls in constants: they are pointed at the simulator
for _module in (gspread.urls, gspread.http_client):
    for _name, _value in vars(_module).copy().items():
        if isinstance(_value, str) and _value.startswith(_GOOGLE):
            setattr(_module, _name, _value.replace(_GOOGLE, simulator.SHEETS))


class WithSpreadsheet(unittest.TestCase):
    def setUp(self):
        self.client = gspread.service_account(filename=simulator.CREDENTIALS)
        self.id = simulator.new_spreadsheet()
        self.book = self.client.open_by_key(self.id)
        self.sheet = self.book.sheet1

    def metadata(self, fields, **params):
        return self.book.fetch_sheet_metadata(params={"fields": fields, **params})["sheets"][0]

    def cell(self, address, fields):
        """What one cell of the first tab holds."""
        mask = f"sheets.data.rowData.values({fields})"
        return self.metadata(mask, ranges=address)["data"][0]["rowData"][0]["values"][0]


class Opening(WithSpreadsheet):
    def test_a_spreadsheet_is_opened_by_its_key_and_shows_its_properties(self):
        self.assertEqual(self.book.title, "Suivi")
        self.assertEqual((self.book.locale, self.book.timezone), ("en_US", "Etc/GMT"))
        self.assertEqual([sheet.title for sheet in self.book.worksheets()], ["Sheet1"])
        self.assertEqual((self.sheet.id, self.sheet.row_count, self.sheet.col_count), (0, 1000, 26))

    def test_it_is_opened_by_its_link_too(self):
        link = f"https://docs.google.com/spreadsheets/d/{self.id}/edit?usp=sharing#gid=0"
        self.assertEqual(self.client.open_by_url(link).id, self.id)

    def test_title_locale_and_time_zone_can_be_changed(self):
        self.book.update_title("Dossiers")
        self.book.update_locale("fr_FR")
        self.book.update_timezone("Europe/Paris")
        again = self.client.open_by_key(self.id)
        self.assertEqual((again.title, again.locale, again.timezone), ("Dossiers", "fr_FR", "Europe/Paris"))
        self.sheet.update([[0.5]], "A1")
        self.assertEqual(self.sheet.acell("A1").value, "0,5")

    def test_an_unknown_key_is_not_found(self):
        with self.assertRaises(gspread.exceptions.SpreadsheetNotFound):
            self.client.open_by_key("1Nothing")

    def test_a_spreadsheet_that_is_not_shared_is_refused(self):
        with self.assertRaises(PermissionError):
            self.client.open_by_key(simulator.new_spreadsheet(role=None))

    def test_a_share_to_read_refuses_to_write(self):
        simulator.share(self.id, "reader")
        self.assertEqual(self.sheet.get("A1:B2"), [[]])
        with self.assertRaises(gspread.exceptions.APIError) as refused:
            self.sheet.update([[1]], "A1")
        self.assertEqual(refused.exception.code, 403)

    def test_an_office_file_is_refused_whatever_is_asked(self):
        simulator.google.admin("PUT", f"/_sheets/{self.id}/kind", "office")
        with self.assertRaises(gspread.exceptions.APIError) as refused:
            self.client.open_by_key(self.id)
        self.assertEqual(refused.exception.code, 400)
        self.assertIn("must not be an Office file", str(refused.exception))

    def test_too_many_writes_in_a_minute_are_refused(self):
        with simulator.google.settings(quotaPerMinute=3), self.assertRaises(gspread.exceptions.APIError) as refused:
            for _ in range(4):
                self.sheet.update([[1]], "A1")
        self.assertEqual(refused.exception.code, 429)
        self.assertIn("Write requests per minute per user", str(refused.exception))

    def test_tokens_are_renewed_when_their_life_is_over(self):
        with simulator.google.settings(tokenLifetimeSeconds=1):
            client = gspread.service_account(filename=simulator.CREDENTIALS)
            book = client.open_by_key(self.id)
            simulator.google.admin("DELETE", "/_tokens")
            self.assertEqual(book.sheet1.title, "Sheet1")


class Tabs(WithSpreadsheet):
    def titles(self):
        return [sheet.title for sheet in self.book.worksheets()]

    def test_a_tab_is_added_and_found_by_title_and_by_id(self):
        added = self.book.add_worksheet("L'été : 10h30", rows=20, cols=5)
        self.assertEqual((added.row_count, added.col_count), (20, 5))
        self.assertEqual(self.book.worksheet("L'été : 10h30").id, added.id)
        self.assertEqual(self.book.get_worksheet_by_id(added.id).title, "L'été : 10h30")
        added.update([["x"]], "A1")
        self.assertEqual(added.get_all_values(), [["x"]])

    def test_a_tab_named_like_a_cell_is_a_tab(self):
        added = self.book.add_worksheet("CPF2024", rows=5, cols=5)
        added.update([["dans l'onglet"]], "B2")
        self.assertEqual(added.acell("B2").value, "dans l'onglet")
        self.assertEqual(self.sheet.get_all_values(), [[]])

    def test_a_title_that_exists_is_refused_in_googles_words(self):
        with self.assertRaises(gspread.exceptions.APIError) as refused:
            self.book.add_worksheet("sheet1", rows=5, cols=5)
        self.assertEqual(refused.exception.code, 400)
        self.assertIn('A sheet with the name "sheet1" already exists', str(refused.exception))

    def test_an_unknown_tab_is_not_found(self):
        with self.assertRaises(gspread.exceptions.WorksheetNotFound):
            self.book.worksheet("Nulle part")

    def test_tabs_are_copied_ordered_renamed_hidden_and_deleted(self):
        self.sheet.update([["a"]], "A1")
        copy = self.sheet.duplicate(insert_sheet_index=1, new_sheet_name="Copie")
        self.assertEqual(copy.get_all_values(), [["a"]])
        self.assertNotEqual(copy.id, self.sheet.id)
        self.book.reorder_worksheets([copy, self.sheet])
        self.assertEqual(self.titles(), ["Copie", "Sheet1"])
        self.sheet.update_title("Données")
        copy.hide()
        self.assertTrue(self.book.worksheet("Copie").isSheetHidden)
        copy.show()
        self.book.del_worksheet(copy)
        self.assertEqual(self.titles(), ["Données"])

    def test_the_last_tab_stays(self):
        with self.assertRaises(gspread.exceptions.APIError) as refused:
            self.book.del_worksheet(self.sheet)
        self.assertIn("You can't remove all the sheets in a document.", str(refused.exception))

    def test_a_tab_is_copied_into_another_spreadsheet(self):
        self.sheet.update([["a", "=1+1"]], "A1", value_input_option=ValueInputOption.user_entered)
        other = self.client.open_by_key(simulator.new_spreadsheet())
        copied = self.sheet.copy_to(other.id)
        self.assertEqual(copied["title"], "Copy of Sheet1")
        self.assertEqual(other.worksheet("Copy of Sheet1").get_all_values(), [["a", "2"]])


class Values(WithSpreadsheet):
    def test_what_is_written_raw_is_read_in_each_form(self):
        self.sheet.update([["007", 0.5, True, "=1+1"]], "A1", value_input_option=ValueInputOption.raw)
        self.assertEqual(self.sheet.get("A1:D1"), [["007", "0.5", "TRUE", "=1+1"]])
        unformatted = self.sheet.get("A1:D1", value_render_option=ValueRenderOption.unformatted)
        self.assertEqual(unformatted, [["007", 0.5, True, "=1+1"]])

    def test_what_is_typed_is_read_in_each_form(self):
        typed = [["2026-09-05", "$100.15", "=1+2", "'007", "40%"]]
        self.sheet.update(typed, "A1", value_input_option=ValueInputOption.user_entered)

        def read(**options):
            return self.sheet.get("A1:E1", **options)[0]

        self.assertEqual(read(), ["2026-09-05", "$100.15", "3", "007", "40%"])
        unformatted = ValueRenderOption.unformatted
        self.assertEqual(read(value_render_option=unformatted), [46270, 100.15, 3, "007", 0.4])
        as_text = read(value_render_option=unformatted, date_time_render_option=DateTimeOption.formatted_string)
        self.assertEqual(as_text[0], "2026-09-05")
        self.assertEqual(read(value_render_option=ValueRenderOption.formula), [46270, 100.15, "=1+2", "007", 0.4])

    def test_several_ranges_are_written_read_and_cleared_at_once(self):
        self.sheet.batch_update([{"range": "A1:B1", "values": [["a", "b"]]}, {"range": "D3", "values": [["d"]]}])
        self.assertEqual(self.sheet.batch_get(["A1:B1", "D3:D4"]), [[["a", "b"]], [["d"]]])
        self.sheet.batch_clear(["A1", "D3"])
        self.assertEqual(self.sheet.get_all_values(), [["", "b"]])

    def test_rows_are_appended_below_the_table(self):
        self.sheet.append_row(["externalId", "Nom"])
        answer = self.sheet.append_rows([["1", "Durand"], ["2", "Orvaux"]])
        self.assertEqual(answer["updates"]["updatedRange"], "Sheet1!A2:B3")
        self.assertEqual(self.sheet.get_all_records(), [{"externalId": 1, "Nom": "Durand"}, {"externalId": 2, "Nom": "Orvaux"}])

    def test_cells_are_found_by_text_and_by_pattern(self):
        self.sheet.update([["Anaïs", "Gaël"], ["Gaël", "Zoé"]], "A1")
        found = self.sheet.find("Gaël")
        self.assertEqual((found.row, found.col), (1, 2))
        self.assertEqual(len(self.sheet.findall("Gaël")), 2)
        self.assertIsNone(self.sheet.find("Personne"))

    def test_a_list_of_cells_is_written_back(self):
        cells = self.sheet.range("A1:B2")
        for number, cell in enumerate(cells):
            cell.value = number
        self.sheet.update_cells(cells)
        self.assertEqual(self.sheet.get_all_values(), [["0", "1"], ["2", "3"]])

    def test_an_array_larger_than_its_range_is_refused(self):
        with self.assertRaises(gspread.exceptions.APIError) as refused:
            self.book.values_update("Sheet1!A1:B1", params={"valueInputOption": "RAW"}, body={"values": [[1, 2, 3]]})
        self.assertIn("tried writing to column [C]", str(refused.exception))

    def test_50_000_characters_fit_into_a_cell_and_no_more(self):
        self.sheet.update([["x" * 50_000]], "A1")
        with self.assertRaises(gspread.exceptions.APIError) as refused:
            self.sheet.update([["x" * 50_001]], "A1")
        self.assertIn("more than the maximum of 50000 characters", str(refused.exception))

    def test_a_range_beyond_the_grid_is_refused(self):
        with self.assertRaises(gspread.exceptions.APIError) as refused:
            self.sheet.get("A1001:B1002")
        self.assertIn("exceeds grid limits. Max rows: 1000, max columns: 26", str(refused.exception))


class Grid(WithSpreadsheet):
    def setUp(self):
        super().setUp()
        self.sheet.update([["n", "nom"], [3, "c"], [1, "a"], [2, "b"]], "A1")

    def test_rows_and_columns_are_inserted_and_deleted(self):
        self.sheet.insert_row([9, "z"], index=2)
        self.assertEqual(self.sheet.row_values(2), ["9", "z"])
        self.sheet.delete_rows(2, 3)
        self.assertEqual(self.sheet.col_values(1), ["n", "1", "2"])
        self.sheet.insert_cols([["nouveau"]], col=1)
        self.assertEqual(self.sheet.row_values(1), ["nouveau", "n", "nom"])
        self.sheet.delete_columns(1)
        self.assertEqual(self.sheet.row_values(1), ["n", "nom"])
        self.assertEqual((self.book.sheet1.row_count, self.book.sheet1.col_count), (999, 26))

    def test_rows_are_sorted(self):
        self.sheet.sort((1, "asc"), range="A2:B4")
        self.assertEqual(self.sheet.col_values(2), ["nom", "a", "b", "c"])
        self.sheet.sort((1, "des"), range="A2:B4")
        self.assertEqual(self.sheet.col_values(2), ["nom", "c", "b", "a"])

    def test_the_header_is_frozen_and_the_grid_resized(self):
        self.sheet.freeze(rows=1, cols=1)
        self.sheet.resize(rows=10, cols=3)
        sheet = self.book.sheet1
        self.assertEqual((sheet.frozen_row_count, sheet.frozen_col_count), (1, 1))
        self.assertEqual((sheet.row_count, sheet.col_count), (10, 3))
        with self.assertRaises(gspread.exceptions.APIError) as refused:
            self.sheet.resize(rows=1)
        self.assertIn("Sorry, it is not possible to delete all non-frozen rows.", str(refused.exception))

    def test_ten_million_cells_is_the_limit(self):
        with self.assertRaises(gspread.exceptions.APIError) as refused:
            self.book.add_worksheet("Trop", rows=500_000, cols=20)
        self.assertIn("above the limit of 10000000 cells", str(refused.exception))

    def test_rows_are_hidden_and_grouped(self):
        self.sheet.hide_rows(1, 3)
        self.sheet.add_dimension_group_rows(1, 3)
        rows = self.metadata("sheets(rowGroups,data.rowMetadata.hiddenByUser)", ranges="A1:A4")
        self.assertEqual([row.get("hiddenByUser", False) for row in rows["data"][0]["rowMetadata"]], [False, True, True, False])
        self.assertEqual(self.sheet.list_dimension_group_rows()[0]["depth"], 1)
        self.sheet.unhide_rows(1, 3)
        self.sheet.delete_dimension_group_rows(1, 3)
        self.assertEqual(self.sheet.list_dimension_group_rows(), [])

    def test_a_column_takes_the_width_of_its_text(self):
        self.sheet.update([["une colonne bien plus large que les autres"]], "A1")
        self.sheet.columns_auto_resize(0, 2)
        widths = self.metadata("sheets.data.columnMetadata.pixelSize", ranges="A1:C1")["data"][0]["columnMetadata"]
        self.assertGreater(widths[0]["pixelSize"], 200)
        self.assertLess(widths[1]["pixelSize"], 60)
        self.assertEqual(widths[2]["pixelSize"], 100)


class Looks(WithSpreadsheet):
    def test_cells_are_formatted_and_keep_it_when_they_are_written(self):
        self.sheet.format("A1:B1", {"textFormat": {"bold": True}, "backgroundColor": {"red": 0.9, "green": 0.9, "blue": 0.9}})
        self.sheet.format("A2", {"numberFormat": {"type": "DATE", "pattern": "dd/mm/yyyy"}})
        self.sheet.update([["Début", "Fin"], [45469]], "A1")
        self.assertEqual(self.sheet.acell("A2").value, "26/06/2024")
        self.assertEqual(self.cell("B1", "userEnteredFormat.textFormat.bold"), {"userEnteredFormat": {"textFormat": {"bold": True}}})

    def test_notes_are_written_read_and_cleared(self):
        self.sheet.insert_note("A1", "rempli chaque nuit")
        self.assertEqual(self.sheet.get_note("A1"), "rempli chaque nuit")
        self.sheet.update_notes({"A1": "autre", "B2": "et là"})
        self.assertEqual(self.sheet.get_notes(), [["autre"], ["", "et là"]])
        self.sheet.clear_note("A1")
        self.assertEqual(self.sheet.get_note("A1"), "")

    def test_merged_cells_keep_their_first_value(self):
        self.sheet.update([["a", "b"], ["c", "d"]], "A1")
        self.sheet.merge_cells("A1:B1", merge_type=MergeType.merge_all)
        self.assertEqual(self.sheet.get_all_values(), [["a", ""], ["c", "d"]])
        self.assertEqual(self.sheet.get_all_values(combine_merged_cells=True), [["a", "a"], ["c", "d"]])
        self.sheet.unmerge_cells("A1:B1")
        self.assertEqual(self.sheet.get_all_values(combine_merged_cells=True), [["a", ""], ["c", "d"]])

    def test_ranges_are_copied_and_cut(self):
        self.sheet.update([["a"], ["b"]], "A1")
        self.sheet.copy_range("A1:A2", "B1:B2")
        self.sheet.cut_range("A1:A2", "D1")
        self.assertEqual(self.sheet.get_all_values(), [["", "a", "", "a"], ["", "b", "", "b"]])

    def test_tab_colours_come_and_go(self):
        self.sheet.update_tab_color("#ff7f00")
        self.assertEqual(self.book.sheet1.tab_color, "#FF7F00")
        self.sheet.clear_tab_color()
        self.assertIsNone(self.book.sheet1.tab_color)

    def test_filters_names_protections_and_rules_are_added_and_taken_away(self):
        self.sheet.update([["état"], ["a"]], "A1")
        self.sheet.set_basic_filter("A1:A2")
        self.sheet.define_named_range("A1:A2", "etats")
        self.assertEqual(self.book.values_get("etats")["values"], [["état"], ["a"]])
        self.sheet.add_protected_range("A1:A2", warning_only=True)
        self.sheet.add_validation("A2", ValidationConditionType.one_of_list, ["a", "b"], showCustomUi=True)
        found = self.metadata("sheets(basicFilter,protectedRanges(protectedRangeId,warningOnly))")
        self.assertEqual(found["basicFilter"]["range"]["endRowIndex"], 2)
        self.assertEqual(self.cell("A2", "dataValidation.condition.type")["dataValidation"]["condition"]["type"], "ONE_OF_LIST")
        self.sheet.clear_basic_filter()
        self.sheet.delete_protected_range(found["protectedRanges"][0]["protectedRangeId"])
        self.sheet.delete_named_range(self.book.list_named_ranges()[0]["namedRangeId"])
        self.assertEqual(self.metadata("sheets(basicFilter,protectedRanges)"), {})


if __name__ == "__main__":
    unittest.main()
